"""Rules about ``tf.layers`` and ``tf.contrib.layers``."""

from __future__ import annotations

from kerasmigrate.findings import Severity
from kerasmigrate.rules import Example, Rule, Safety

from .tf_layers_definitions import written

_EFFECTIVE = "https://www.tensorflow.org/guide/migrate/model_mapping"

CONVERTED = Rule(
    "KM800",
    "tf-layers",
    "Replace tf.layers by the Keras layers that they were made of",
    "tf.layers went with TensorFlow 1: \"module 'tensorflow' has no attribute 'layers'\", and"
    ' tf.compat.v1.layers.dense beside Keras 3: "`dense` is not available with Keras 3." A'
    " function such as tf.layers.dense(x, 10) made a layer and called it at once; that is what it"
    " becomes: Dense(10)(x). The arguments keep their names; training= goes to the call of the"
    " layer, and is written out, because tf.layers takes False where nothing is given while Keras"
    " asks the model. With the same weights old and new give the same numbers, for every function,"
    " in eager code and in graphs of tf.compat.v1, under tf_keras and under Keras 3.",
    Safety.REVIEW,
    examples=(
        Example(
            "import tensorflow as tf\n\n\ndef net(x, training):\n"
            "    x = tf.layers.conv2d(x, 32, 3, activation=tf.nn.relu)\n"
            "    x = tf.layers.dropout(tf.layers.flatten(x), 0.4, training=training)\n"
            "    return tf.layers.dense(x, 10, name='logits')\n",
            "import tensorflow as tf\nimport keras\n\n\ndef net(x, training):\n"
            "    x = keras.layers.Conv2D(32, 3, activation=tf.nn.relu)(x)\n"
            "    x = keras.layers.Dropout(0.4)(keras.layers.Flatten()(x), training=training)\n"
            "    return keras.layers.Dense(10, name='logits')(x)\n",
        ),
        Example(
            "import tensorflow as tf\n\nlayer = tf.layers.Dense(10)\n",
            "import tf_keras as keras\n\nlayer = keras.layers.Dense(10)\n",
            "tf_keras",
        ),
        Example(
            "import tensorflow as tf\n\n\ndef net(x):\n"
            "    with tf.variable_scope('net', reuse=tf.AUTO_REUSE):\n"
            "        return tf.layers.conv1d(x, 10, 3)\n",
            "import tensorflow as tf\n\n\ndef net(x):\n"
            "    with tf.variable_scope('net', reuse=tf.AUTO_REUSE):\n"
            "        return tf.layers.conv1d(x, 10, 3)\n",
        ),
    ),
    untouched=(
        "Layers whose weights are shared or looked up by name; they get KM825 or KM801.",
        "Files that set TF_USE_LEGACY_KERAS themselves and use tf.compat.v1.layers, for tf_keras.",
    ),
    references=(_EFFECTIVE,),
)
NOT_CONVERTED = Rule(
    "KM801",
    "tf-layers-not-converted",
    "Report a use of tf.layers for which a Keras layer would not do the same",
    "tf.layers finds weights again by the names of scopes; a Keras layer makes new ones, and shares"
    " them only when the same layer object is called again. Its regularization losses and the"
    " updates of batch normalization are in no collection of the graph: with tf_keras 2.21 in a"
    " graph, tf.get_collection(tf.GraphKeys.UPDATE_OPS) is empty and the moving averages stay 0"
    " and 1. tf.trainable_variables() lists the weights of a Keras layer that is not trainable, so"
    " a raw TensorFlow optimizer trains them. Dropout of Keras 3 in a graph drops the same"
    " elements at every run.",
    Safety.NONE,
    references=(_EFFECTIVE,),
)
KEPT = Rule(
    "KM804",
    "tf-layers-kept",
    "Take tf.layers from tf_keras where no Keras layer does the same",
    "tf.layers finds weights again by the names of scopes, fills the collections of the graph, and"
    " keeps what is not trainable out of tf.trainable_variables(); Keras layers do none of that."
    " tf_keras keeps the very functions that TensorFlow 1 called tf.layers, in a private place:"
    " tf.compat.v1.layers takes them from there when TF_USE_LEGACY_KERAS=1 is set. Imported"
    " directly, they need no such setting. Like all of tf.layers they want graphs: code that runs"
    " eagerly starts with tf.compat.v1.disable_v2_behavior().",
    Safety.REVIEW,
    examples=(
        Example(
            "import tensorflow.compat.v1 as tf\n\n\ndef net(x):\n"
            "    with tf.variable_scope('net', reuse=tf.AUTO_REUSE):\n"
            "        return tf.layers.dense(x, 10)\n",
            "import tensorflow.compat.v1 as tf\nfrom tf_keras.src.legacy_tf_layers import core\n"
            "\n\ndef net(x):\n"
            "    with tf.variable_scope('net', reuse=tf.AUTO_REUSE):\n"
            "        return core.dense(x, 10)\n",
            "tf_keras",
        ),
    ),
    untouched=(
        "Targets with the API of Keras 3, which have nothing of the kind: KM825 and KM801.",
        "Files that set TF_USE_LEGACY_KERAS themselves and use tf.compat.v1.layers.",
    ),
    references=(_EFFECTIVE,),
)
DEFINED = Rule(
    "KM825",
    "tf-layers-defined",
    "Define what tf.layers.dense, conv2d and dropout did where no Keras layer does the same",
    "tf.layers finds weights again by the names of scopes, keeps what is not trainable out of"
    " tf.trainable_variables(), and drops out as a placeholder tells it. Keras layers do none of"
    " that in a graph, and Keras 3 has no tf.layers. What these three did takes a few lines of"
    " TensorFlow: get_variable() in a scope, and the operation. Variables and operations keep"
    " their names, so that checkpoints, scopes and collections work as before.",
    Safety.REVIEW,
    examples=(
        Example(
            "import tensorflow.compat.v1 as tf\n\n\ndef net(x, training=tf.placeholder(tf.bool)):\n"
            "    return tf.layers.dropout(x, 0.4, training=training)\n",
            f"import tensorflow.compat.v1 as tf\n\n\n{written('dropout')}\n\n\n"
            "def net(x, training=tf.placeholder(tf.bool)):\n"
            "    return graph_dropout(x, 0.4, training=training)\n",
        ),
    ),
    untouched=(
        "tf_keras, which keeps the very functions: KM804.",
        "Other functions of tf.layers, regularizers, constraints, and names such as"
        " activation='relu': KM801.",
    ),
    references=(_EFFECTIVE,),
)
CONTRIB = Rule(
    "KM802",
    "contrib-argument",
    "Replace initializers and regularizers of tf.contrib.layers in the call of a layer",
    "\"module 'tensorflow' has no attribute 'contrib'\". xavier_initializer() is what Keras calls"
    " GlorotUniform(). l2_regularizer(s) is s / 2 times the sum of squares, Keras' L2(s) is s times"
    " it: the factor has to be halved. An initializer that is kept in a variable is reported"
    " instead, because a Keras initializer gives every layer that shares it the same weights.",
    Safety.SAFE,
    examples=(
        Example(
            "import tensorflow as tf\nfrom tensorflow.keras.layers import Dense\n\n"
            "layer = Dense(4, kernel_regularizer=tf.contrib.layers.l2_regularizer(0.01))\n",
            "import keras\nfrom keras.layers import Dense\n\n"
            "layer = Dense(4, kernel_regularizer=keras.regularizers.L2(0.5 * 0.01))\n",
        ),
    ),
    untouched=("Code that uses neither Keras nor tf.layers, such as tf.get_variable().",),
)
CONTRIB_GONE = Rule(
    "KM803",
    "contrib-layers",
    "Report what is used of tf.contrib.layers beside Keras, with the Keras layer to write",
    "\"module 'tensorflow' has no attribute 'contrib'\", under tf.compat.v1 as well. The defaults"
    " are not those of Keras: fully_connected and conv2d of tf.contrib apply relu, batch_norm has"
    " decay 0.999, no scale, and is_training=True.",
    Safety.NONE,
    Severity.ERROR,
)
