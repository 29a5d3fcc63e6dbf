"""The rules about defaults that changed."""

from __future__ import annotations

from kerasmigrate.findings import Severity
from kerasmigrate.rules import Example, Rule, Safety

from .hard_sigmoid import _DEFINED

_NOT_WRITTEN = (
    "Code that may have been written for Keras 3: no name or argument in it is gone there.",
    "How LSTM and GRU of Keras 1 began: unless consume_less='gpu' was given, the recurrent weights"
    " of each gate started from init=, not from inner_init=. That matters to fresh training only;"
    " recurrent_initializer='lecun_uniform' has the very distribution of its default.",
    "Defaults that are equal under another spelling, such as glorot_uniform and GlorotUniform, or"
    " the reduction of a loss ('auto' gives the mean over the batch, as 'sum_over_batch_size').",
    "What only prints or draws: the progress of predict(), the resolution of plot_model().",
    "Everything, with --modern-defaults.",
)

WRITTEN = Rule(
    "KM600",
    "old-default",
    "Write out a default that the target has changed",
    "The call leaves an argument to its default, and the default is not what it was. Nothing"
    " fails; the numbers are others. The value of the version that the code was written for is"
    " written out, so that old weights and old results still hold. Which version that is, the words"
    " of the file tell (Keras 1 stands for 1.2.2), names and arguments that only some versions"
    " have, names of TensorFlow 1, and what requirements*.txt, setup.py, Pipfile or environment.yml"
    " pin; where versions are left that disagree, KM601 reports instead. Measured on the real old"
    " packages, with the same weights and data: with the value written out the outputs of LSTM, GRU"
    " and ConvLSTM2D are the old ones to the last digit but one (difference 6e-8); with the"
    " target's default LSTM is off by 0.097 and ConvLSTM2D by 0.051 on outputs below 1, and the"
    " weights of GRU do not even fit ((2, 12) for (12,))."
    " l1_l2(), which was 0.01 and 0.01 and is 0 and 0, costs a loss 0.03;"
    " five epochs of Adagrad (rate 0.01 with an empty accumulator, now 0.001 with 0.1), Adadelta"
    " (1.0, now 0.001), Adamax and Nadam (0.002, now 0.001) move the weights by 0.03, 0.002, 0.005"
    " and 0.004 more or less than they did, and with the old values as they did (Nadam, whose"
    " formula changed as well, within 0.0004). The epsilon of RMSprop and Adagrad stood behind the"
    " root and stands below it: its square comes next to it (KM637).",
    Safety.SAFE,
    Severity.WARNING,
    examples=(
        Example(
            'from keras.layers import LSTM\n\nlayer = LSTM(output_dim=128, init="uniform")\n',
            "from tf_keras.layers import LSTM\n\n"
            'layer = LSTM(units=128, kernel_initializer="uniform",'
            ' recurrent_activation="hard_sigmoid")\n',
            "tf_keras",
        ),
        Example(
            "import keras\nfrom keras.layers import GRU\n\nlayer = GRU(output_dim=128)\n",
            f"import keras\nfrom keras.layers import GRU\n\n\n{_DEFINED}\n\n"
            "layer = GRU(units=128, recurrent_activation=old_hard_sigmoid, reset_after=False)\n",
        ),
        Example(
            "from keras.optimizers import Adadelta\nfrom keras.regularizers import l1l2\n\n"
            "penalty = l1l2(l1=0.1)\noptimizer = Adadelta()\n",
            "from keras.optimizers import Adadelta\nfrom keras.regularizers import l1_l2\n\n"
            "penalty = l1_l2(l1=0.1, l2=0.01)\n"
            "optimizer = Adadelta(learning_rate=1.0, epsilon=1e-8)\n",
        ),
    ),
    untouched=_NOT_WRITTEN,
)
UNCERTAIN = Rule(
    "KM601",
    "default-of-which-version",
    "Report a default that changed between the versions that the code may be for",
    "LSTM(128) has hard_sigmoid gates up to Keras 2.2 and sigmoid gates from 2.3 on, and nothing"
    " in the file tells which of the two is meant. A line such as keras==2.2.4 in the requirements"
    " decides it for the whole project; so does the argument, for one call.",
    Safety.NONE,
    Severity.INFO,
    untouched=_NOT_WRITTEN[:1],
)
UNWRITTEN = Rule(
    "KM602",
    "old-default-not-written",
    "Report a changed default that cannot be written out at the call",
    "The call passes **options, so that nobody sees whether the argument is among them; or the"
    " place does not allow for the function that stands for the old value.",
    Safety.NONE,
    Severity.WARNING,
)
EPOCHS = Rule(
    "KM603",
    "default-epochs",
    "Write out that fit() ran ten epochs",
    "fit() without nb_epoch= ran 10 epochs in Keras 1, and in Sequential up to Keras 2.0. Since"
    " then it is 1: the model is hardly trained, and nothing says so.",
    Safety.SAFE,
    Severity.WARNING,
    examples=(
        Example(
            "from keras.layers import Dense\nfrom keras.models import Sequential\n\n"
            "model = Sequential()\nmodel.add(Dense(output_dim=1))\nmodel.fit(x, y)\n",
            "from keras.layers import Dense\nfrom keras.models import Sequential\n\n"
            "model = Sequential()\nmodel.add(Dense(units=1))\nmodel.fit(x, y, epochs=10)\n",
        ),
    ),
    untouched=(
        "fit() of anything that is not known to be a Keras model.",
        "fit_generator(), whose number of epochs had to be given.",
    ),
)
IDENTIFIER = Rule(
    "KM604",
    "optimizer-by-name",
    "Make an optimizer whose defaults changed where compile() names it by a string",
    "optimizer='adadelta' takes the defaults of the class, and those changed: the rate is a"
    " thousandth of what it was (1.0, now 0.001). An object with the old values takes its place.",
    Safety.SAFE,
    Severity.WARNING,
    examples=(
        Example(
            "from keras.models import Sequential\n\nmodel = Sequential()\n"
            "model.compile(optimizer='adagrad', loss='mse')\nmodel.fit(x, y, nb_epoch=5)\n",
            "from keras.models import Sequential\nfrom keras.optimizers import Adagrad\n\n"
            "model = Sequential()\n"
            "model.compile(optimizer=Adagrad(learning_rate=0.01, initial_accumulator_value=0.0,"
            " epsilon=1e-8**2), loss='mse')\nmodel.fit(x, y, epochs=5)\n",
        ),
    ),
    untouched=(
        "'sgd' and 'adam': their rates are what they were, and the epsilon of 1e-8 for 1e-7 does"
        " not show in the results.",
        "'rmsprop', of whose epsilon KM637 tells.",
        "Names that do not stand in the call itself; they are reported where they stand, if they"
        " may get there: by variables and loops, as arguments of functions of the file and their"
        " defaults, out of dictionaries and grids of parameters, as options of the command line.",
    ),
)
IGNORED = Rule(
    "KM605",
    "recurrent-argument-takes-effect",
    "Report an argument of LSTM or GRU that Keras 1 took and ignored",
    "Without consume_less='gpu', LSTM and GRU of Keras 1.2.2 built their recurrent weights with"
    " init= and W_regularizer=; inner_init= and U_regularizer= had no effect (recurrent.py, lines"
    " 492 and 722). Their successors have.",
    Safety.NONE,
    Severity.WARNING,
    untouched=("SimpleRNN, and consume_less='gpu', which did use them.",),
)
