"""Rules about functions of ``keras.backend``."""

from __future__ import annotations

from kerasmigrate.findings import Severity
from kerasmigrate.rules import Example, Rule, Safety

_GUIDE = "https://keras.io/guides/migrating_to_keras_3/"

FUNCTION = Rule(
    "KM501",
    "backend-function",
    "Replace a function of keras.backend by the one that means the same in Keras 3",
    "Keras 3 keeps a handful of settings in keras.backend; everything that computes is in"
    " keras.ops and keras.random. Left as it is, a call raises \"module 'keras.backend' has no"
    " attribute 'sum'\"; under tf.keras the old functions are still there, but raise \"A"
    ' KerasTensor cannot be used as input to a TensorFlow function" when a functional model calls'
    " them. Changing the module alone is not enough: argmax, argmin, cumsum, cumprod and gather"
    " look at one axis where keras.ops flattens, concatenate takes the last axis and not the first,"
    " repeat is another function, in_top_k takes its arguments the other way round, sqrt turns a"
    " negative number into 0 and not into NaN, hard_sigmoid has another slope, and shape returns a"
    " tensor that can be multiplied, where keras.ops.shape returns a tuple. All of these are"
    " written out. What takes more than an expression becomes a function of the file; that for"
    " K.rnn loops with TensorFlow, and gives at masked steps what the Keras that the file is for"
    " gave. XLA, which Keras 3 turns on beside a GPU, cannot compile the gradients of every step."
    " Measured with tf_keras 2.21 and Keras 3.15, old and new calls give the same numbers; only"
    " logarithms of crossentropies differ, by up to 1e-6 away from 0 and 1.",
    Safety.REVIEW,
    examples=(
        Example(
            "from keras import backend as K\n\n\n"
            "def norm(x):\n    return K.sqrt(K.sum(K.square(x), axis=-1, keepdims=True))\n",
            "from keras import ops\n\n\n"
            "def norm(x):\n    return ops.sqrt(ops.sum(ops.square(x), axis=-1, keepdims=True))\n",
        ),
        Example(
            "from keras import backend as K\n\n\n"
            "def pick(x, indices):\n    return K.gather(x, indices), K.argmax(x)\n",
            "from keras import ops\n\n\n"
            "def pick(x, indices):\n"
            "    return ops.take(x, indices, axis=0), ops.argmax(x, axis=-1)\n",
        ),
        Example(
            "import keras.backend as K\n\n\n"
            "def halve(x):\n    return K.reshape(x, (-1, K.int_shape(x)[1] // 2))\n",
            "from tensorflow.keras import ops\n\n\n"
            "def halve(x):\n    return ops.reshape(x, (-1, x.shape[1] // 2))\n",
            "tf.keras",
        ),
        Example(
            "from keras import backend as K\n\n\ndef step():\n    return K.epsilon()\n",
            "from keras import backend as K\n\n\ndef step():\n    return K.epsilon()\n",
        ),
    ),
    untouched=(
        "epsilon, floatx, image_data_format, clear_session and what else Keras 3 has kept.",
        "A variable called K that is not keras.backend, and the backend of another library.",
        "Targets with the Keras 2 API.",
    ),
    references=(_GUIDE,),
)
NOT_CONVERTED = Rule(
    "KM502",
    "backend-call-not-converted",
    "Report a use of a backend function whose equal in Keras 3 cannot be told from the source",
    "The function is gone, as KM501 says, and what stands for it depends on something that the"
    " source does not show: the number of dimensions, starred arguments, a value that would be"
    " computed twice, who will call the function, or the version of Keras (K.rnn with a mask). An"
    " integer seed is among these: in Keras 3 it makes keras.random return the same numbers at"
    " every call.",
    Safety.NONE,
    untouched=("Targets with the Keras 2 API.",),
    references=(_GUIDE,),
)
GONE = Rule(
    "KM503",
    "backend-function-is-gone",
    "Report a backend function that has no equal, with what to write instead",
    "Sessions, placeholders and symbolic gradients went with the graphs of TensorFlow 1. K.function"
    " raises \"module 'keras.backend' has no attribute 'function'\"; where tf.keras still has"
    ' gradients, it raises "tf.gradients is not supported when eager execution is enabled. Use'
    ' tf.GradientTape instead".',
    Safety.NONE,
    untouched=(
        "Functions that the target still has, but for gradients; and gradients of files that speak"
        " of tf.function or keep the graph of TensorFlow 1, in a target with the Keras 2 API.",
    ),
    references=(_GUIDE,),
)
PHASE = Rule(
    "KM504",
    "learning-phase",
    "Ask the argument training instead of the learning phase",
    "Keras 3 has no global learning phase: the call of a layer is told by its argument training."
    ' Left as it is, K.in_train_phase fails inside Keras with "Could not automatically infer the'
    " output shape / dtype of ...\" and the real reason, \"module 'keras.backend' has no attribute"
    " 'in_train_phase'\", behind it.",
    Safety.SAFE,
    examples=(
        Example(
            "from keras import backend as K\nfrom keras.layers import Layer\n\n\n"
            "class Noise(Layer):\n    def call(self, x, training=None):\n"
            "        return K.in_train_phase(lambda: x + 1, x, training=training)\n",
            "from keras.layers import Layer\n\n\n"
            "class Noise(Layer):\n    def call(self, x, training=None):\n"
            "        return x + 1 if training else x\n",
        ),
        Example(
            "from keras import backend as K\nfrom keras.layers import Layer\n\n\n"
            "class Noise(Layer):\n    def call(self, x):\n"
            "        return K.in_test_phase(x, x + 1)\n",
            "from keras.layers import Layer\n\n\n"
            "class Noise(Layer):\n    def call(self, x, training=None):\n"
            "        return x + 1 if training else x\n",
        ),
    ),
    untouched=("Targets with the Keras 2 API.",),
    references=(_GUIDE,),
)
PHASE_UNKNOWN = Rule(
    "KM505",
    "learning-phase-out-of-reach",
    "Report a question for the learning phase where no argument training answers it",
    "Outside the call of a layer or model nobody is told whether the model is being trained:"
    " \"module 'keras.backend' has no attribute 'learning_phase'\".",
    Safety.NONE,
    Severity.ERROR,
    untouched=("Targets with the Keras 2 API.",),
    references=(_GUIDE,),
)
