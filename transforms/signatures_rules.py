"""The rules about calls that the target's signature takes differently, or not at all."""

from __future__ import annotations

from kerasmigrate.findings import Severity
from kerasmigrate.rules import Example, Rule, Safety

POSITION = Rule(
    "KM213",
    "argument-position",
    "Name an argument whose position belongs to another parameter now",
    "Between its versions Keras put parameters in, took them out and reordered them. A call by"
    " position then says something else, often without an error: the third argument of"
    " tf.keras.Input was its name and is a dtype in Keras 3, the seventh of Conv1D was the"
    " activation and is groups, the second of losses.Loss was the name and is the reduction."
    " The orders come from the signatures of each version.",
    examples=(
        Example(
            "from tensorflow.keras.layers.experimental.preprocessing import RandomContrast\n\n"
            "layer = RandomContrast(0.2, 7)\n",
            "from keras.layers import RandomContrast\n\nlayer = RandomContrast(0.2, seed=7)\n",
        ),
        Example(
            "import tensorflow as tf\n\nlayer = tf.keras.layers.RandomContrast(0.2, (0, 1))\n",
            "import tensorflow as tf\n\nlayer = tf.keras.layers.RandomContrast(0.2, (0, 1))\n",
            "tf.keras",
        ),
    ),
    untouched=(
        "Calls in a file that may already be for the target: nothing in it is older than that.",
        "Calls with starred arguments.",
    ),
)
UNSURE_POSITION = Rule(
    "KM214",
    "uncertain-position",
    "Report an argument whose position belongs to different parameters in different versions",
    "The source does not show which version the call was written for, and they disagree. In a file"
    " that may be for the target already, a call is reported only if a value shows that it is not:"
    " 'relu' as the seventh argument of Conv2D was the activation, and cannot be groups, a number."
    " A value that both parameters take shows nothing: the fourth argument of"
    " sparse_categorical_crossentropy was axis and is ignore_class, and -1 is right for either.",
    Safety.NONE,
    Severity.WARNING,
    untouched=(
        "Calls in a file that may be for the target, with values that the target takes there.",
        "Positions that some plausible version shares with the target.",
    ),
)
METHOD_GONE = Rule(
    "KM215",
    "method-is-gone",
    "Report a call of a method that the class does not have in the target",
    "The call raises AttributeError, for example \"'Dense' object has no attribute"
    " 'get_output_at'\". Only calls on what is plainly an instance of a Keras class are judged.",
    Safety.NONE,
)
REQUIRED = Rule(
    "KM216",
    "argument-is-required",
    "Report a call without an argument that the target requires",
    "The parameter had a default, or did not exist. The call raises, for example"
    " \"Optimizer.__init__() missing 1 required positional argument: 'learning_rate'\".",
    Safety.NONE,
)
NEVER = Rule(
    "KM219",
    "call-never-fitted",
    "Report a call that the target refuses, though nothing about it has changed",
    "An argument that no Keras names, or one left out that every Keras requires: a typing error,"
    " or an argument that stands in the wrong call. compile(lr=0.1) is met most often. Keras 2"
    ' handed it on to TensorFlow without a look; Keras 3 raises "Trainer.compile() got an'
    " unexpected keyword argument 'lr'\". Migrating does not make such a call any better or worse.",
    Safety.NONE,
    untouched=(
        "Arguments that some Keras had: other rules know what became of them.",
        "Calls with starred arguments, and methods that a class of the file defines.",
    ),
)
