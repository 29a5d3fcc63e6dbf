"""Rules about sessions, graphs and placeholders of TensorFlow 1 around Keras models."""

from __future__ import annotations

from kerasmigrate.findings import Severity
from kerasmigrate.rules import Rule, Safety

_GUIDE = "https://www.tensorflow.org/guide/migrate"
_TF_KERAS = (
    "A program for tf_keras that keeps its graphs on purpose (tf.compat.v1 and"
    " disable_v2_behavior() or disable_eager_execution())."
)
_PURE = "TensorFlow 1 code that uses neither Keras nor tf.layers."

SESSION = Rule(
    "KM810",
    "session-around-keras",
    "Report a session that runs a Keras model",
    "\"module 'tensorflow' has no attribute 'Session'\". Under tf.compat.v1 the models of Keras 3"
    ' do not work in a graph: get_weights() raises "numpy() is only available when eager execution'
    ' is enabled", predict() "tf.data.Dataset only supports Python-style iteration in eager mode or'
    ' within tf.function". With tf_keras a graph still works, but each session has its own values:'
    " in a new one the loaded weights are gone, and reading them raises FailedPreconditionError.",
    Safety.NONE,
    untouched=(_TF_KERAS, _PURE, "Sessions that run another graph, such as a frozen one."),
    references=(_GUIDE,),
)
PLACEHOLDER = Rule(
    "KM811",
    "placeholder-for-keras",
    "Report a placeholder that is fed to a Keras model",
    "\"module 'tensorflow' has no attribute 'placeholder'\". Where graphs are kept with tf_keras,"
    " calling a model on a placeholder builds its graph a second time, beside the one for the input"
    " that the model made itself: measured with VGG19, 32 convolutions instead of the 16 that"
    ' input_tensor=placeholder gives. Keras 3 takes neither: "Argument `input_tensor` must be a'
    ' KerasTensor".',
    Safety.NONE,
    untouched=("input_tensor=placeholder where graphs are kept with tf_keras.", _PURE),
    references=(_GUIDE,),
)
INITIALIZER = Rule(
    "KM812",
    "initializer-destroys-weights",
    "Report tf.global_variables_initializer() behind weights that were loaded",
    "It runs the initializers of all variables, those of the model among them. Measured with VGG19"
    " whose first kernel was set to 0.01: its mean is -0.002 afterwards, random numbers.",
    Safety.NONE,
    untouched=("Models whose weights are loaded after it, or not at all.",),
    references=(_GUIDE,),
)
UPDATES = Rule(
    "KM813",
    "updates-of-a-graph",
    "Report model.updates and UPDATE_OPS, which nobody fills any more",
    "Layers of Keras are not in tf.GraphKeys.UPDATE_OPS: the collection is empty, the train step"
    " waits for nothing, and the moving averages of batch normalization stay 0 and 1. In Keras 3"
    " \"'Sequential' object has no attribute 'updates'\"; with tf_keras the list is empty in eager"
    ' code, and in a graph it hangs on the input that the model made itself: "You must feed a'
    " value for placeholder tensor 'conv2d_input'\". Eager code needs none of it: a model that is"
    " called with training=True updates itself.",
    Safety.NONE,
    untouched=(
        "UPDATE_OPS of tf.layers alone, where graphs are kept with tf_keras. Those that KM804 keeps"
        " fill the collection; the finding says so where Keras layers are beside them.",
        _PURE,
        "Attributes called updates of anything but models and layers.",
    ),
    references=(_GUIDE,),
)
OPTIMIZER = Rule(
    "KM814",
    "raw-optimizer",
    "Report an optimizer of tf.train that trains a Keras model",
    "\"module 'tensorflow._api.v2.train' has no attribute 'AdamOptimizer'\". Where graphs are kept,"
    " minimize() trains every variable of tf.trainable_variables(), and the weights of a model with"
    " trainable = False are among them: measured with VGG19, 32 of 32. model.compile() of Keras 3"
    ' says "Could not interpret optimizer identifier".',
    Safety.NONE,
    untouched=(_TF_KERAS, "minimize() with var_list=.", _PURE),
    references=(_GUIDE,),
)
DEFAULT_GRAPH = Rule(
    "KM815",
    "default-graph-around-keras",
    "Report a default graph that is kept for a Keras model",
    "\"module 'tensorflow' has no attribute 'get_default_graph'\". It was needed to call a model"
    " from another thread, in web servers for example; eager models have no graph and can be called"
    " from any thread. Inside graph.as_default() nothing is eager, and predict() of Keras 3 raises"
    ' "tf.data.Dataset only supports Python-style iteration in eager mode or within tf.function".',
    Safety.NONE,
    untouched=(_TF_KERAS, "Graphs around code that uses no Keras."),
    references=(_GUIDE,),
)
FED_PHASE = Rule(
    "KM816",
    "fed-learning-phase",
    "Report a learning phase that is fed as if it were a tensor",
    "K.learning_phase() of tf_keras is the number 0 in eager code. K.function([x,"
    ' K.learning_phase()], ...) fails with "Found unexpected instance while processing input'
    ' tensors for keras functional model".',
    Safety.NONE,
    untouched=(_TF_KERAS, "Keras 3 targets, where KM503 and KM505 say it."),
)
ESTIMATOR = Rule(
    "KM817",
    "estimator",
    "Report a Keras model that becomes an estimator",
    "Estimators went with TensorFlow 2.16. The name is still in tf_keras, and raises"
    ' "tf.keras.estimator.model_to_estimator function not available in your installation".',
    Safety.NONE,
)
ITERATOR = Rule(
    "KM818",
    "one-shot-iterator",
    "Report an iterator of a dataset that TensorFlow 2 does not have",
    "\"'_PrefetchDataset' object has no attribute 'make_one_shot_iterator'\".",
    Safety.NONE,
    untouched=(_TF_KERAS, _PURE),
)
GRAPH = Rule(
    "KM819",
    "tensorflow-1-graph",
    "Report that a program builds a graph of TensorFlow 1 around Keras layers",
    "Placeholders, variable scopes, collections and sessions are not in TensorFlow 2, and Keras"
    " layers do not need them. tf_keras works inside tf.compat.v1 graphs; Keras 3 does not: a model"
    " can be called there, but not read, saved, fitted or asked for predictions.",
    Safety.NONE,
    untouched=(_TF_KERAS, _PURE),
    references=(_GUIDE,),
)
SUMMARY = Rule(
    "KM820",
    "summary-writer",
    "Report a summary of TensorFlow 1 that is written beside a Keras model",
    "\"module 'tensorflow' has no attribute 'Summary'\", and in eager code tf.compat.v1 says"
    ' "v1.summary.FileWriter is not compatible with eager execution. Use'
    ' `tf.summary.create_file_writer`".',
    Safety.NONE,
    Severity.ERROR,
    untouched=(_TF_KERAS, _PURE),
)
RULES = (
    SESSION,
    PLACEHOLDER,
    INITIALIZER,
    UPDATES,
    OPTIMIZER,
    DEFAULT_GRAPH,
    FED_PHASE,
    ESTIMATOR,
    ITERATOR,
    GRAPH,
    SUMMARY,
)
