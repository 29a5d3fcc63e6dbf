"""The rules about training calls."""

from __future__ import annotations

from kerasmigrate.findings import Severity
from kerasmigrate.rules import Example, Rule, Safety

TRAINING = Rule(
    "KM221",
    "training-argument",
    "Call the methods of a model with the argument names of today",
    'nb_epoch is epochs since Keras 2. Today it raises "TensorFlowTrainer.fit() got an unexpected'
    " keyword argument 'nb_epoch'\".",
    examples=(
        Example(
            "from keras.models import Sequential\n\n"
            "model = Sequential()\nmodel.fit(x, y, nb_epoch=5)\n",
            "from keras.models import Sequential\n\n"
            "model = Sequential()\nmodel.fit(x, y, epochs=5)\n",
        ),
    ),
    untouched=("Methods of the same name on anything that is not known to be a Keras model.",),
)
GENERATOR = Rule(
    "KM222",
    "generator-method",
    "Call fit, evaluate and predict instead of their generator forms",
    "Keras 3 has no fit_generator: \"'Sequential' object has no attribute 'fit_generator'\". fit"
    " takes generators itself. tf_keras still has the old forms and keeps them.",
    examples=(
        Example(
            "from keras.models import Sequential\n\n"
            "model = Sequential()\n"
            "model.fit_generator(batches, steps_per_epoch=10, epochs=5, workers=1)\n",
            "from keras.models import Sequential\n\n"
            "model = Sequential()\n"
            "model.fit(batches, steps_per_epoch=10, epochs=5)\n",
        ),
        Example(
            "from keras.models import Sequential\n\n"
            "model = Sequential()\nmodel.predict_generator(batches, 10)\n",
            "from keras.models import Sequential\n\n"
            "model = Sequential()\nmodel.predict(batches, steps=10)\n",
        ),
    ),
)
STEPS = Rule(
    "KM223",
    "samples-to-steps",
    "Count batches where Keras 1 counted samples",
    "samples_per_epoch=2000 is steps_per_epoch=63 with batches of 32. With the number as it was,"
    " an epoch would take 32 times as long. Keras 1 went on while it had seen fewer samples than"
    " asked for, so the number is rounded up. A generator of your own is taken to give batches of"
    " what it is told as batch_size.",
    Safety.REVIEW,
    examples=(
        Example(
            "from keras.models import Sequential\n"
            "from keras.preprocessing.image import ImageDataGenerator\n\n"
            "model = Sequential()\n"
            "flow = ImageDataGenerator().flow_from_directory('data', batch_size=32)\n"
            "model.fit_generator(flow, samples_per_epoch=2000, nb_epoch=5)\n",
            "from tf_keras.models import Sequential\n"
            "from tf_keras.preprocessing.image import ImageDataGenerator\n\n"
            "model = Sequential()\n"
            "flow = ImageDataGenerator().flow_from_directory('data', batch_size=32)\n"
            "model.fit_generator(flow, steps_per_epoch=63, epochs=5)\n",
            "tf_keras",
        ),
    ),
    untouched=("Generators whose batch size the source does not show; they get KM224.",),
)
UNKNOWN_STEPS = Rule(
    "KM224",
    "batch-size-unknown",
    "Report a number of samples that has to become a number of batches",
    "Only the generator knows how many samples a batch has. By keyword the call raises; by position"
    " tf_keras takes the number for batches, and what stands behind it for other parameters.",
    Safety.NONE,
)
DROPPED = Rule(
    "KM225",
    "training-argument-dropped",
    "Drop an argument of a training call that has no successor in the call",
    "max_queue_size, workers and use_multiprocessing belong to the data in Keras 3: they are"
    " arguments of PyDataset, and fit raises \"got an unexpected keyword argument 'workers'\"."
    " Where the source shows that the data is one, KM269 tells it."
    " show_accuracy and class_mode are from before Keras 1.0; accuracy is asked for with"
    " compile(metrics=['accuracy']). experimental_run_tf_function chose between two training loops"
    " of TensorFlow 2.0 and 2.1; Keras 2.15 takes it and ignores it.",
    Safety.REVIEW,
    Severity.WARNING,
    examples=(
        Example(
            "from keras.models import Sequential\n\n"
            "model = Sequential()\nmodel.fit_generator(batches, 10, workers=4)\n",
            "from keras.models import Sequential\n\n"
            "model = Sequential()\nmodel.fit(batches, steps_per_epoch=10)\n",
        ),
    ),
)
QUEUE = Rule(
    "KM269",
    "queue-of-the-data",
    "Tell the data how many workers it has",
    "max_queue_size, workers and use_multiprocessing belong to the data in Keras 3, and fit raises"
    " \"got an unexpected keyword argument 'workers'\". A PyDataset has attributes of these names,"
    " which the next training call reads: set before the call, they do what the arguments did."
    " Sequence is PyDataset now, and so is what ImageDataGenerator.flow() and TimeseriesGenerator"
    " give.",
    examples=(
        Example(
            "from keras.models import Sequential\nfrom keras import utils\n\n\n"
            "class Batches(utils.Sequence):\n    pass\n\n\n"
            "batches = Batches()\nmodel = Sequential()\n"
            "model.fit_generator(batches, 10, workers=4)\n",
            "from keras.models import Sequential\nfrom keras import utils\n\n\n"
            "class Batches(utils.Sequence):\n    pass\n\n\n"
            "batches = Batches()\nmodel = Sequential()\n"
            "batches.workers = 4\nmodel.fit(batches, steps_per_epoch=10)\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API, where the calls take them.",
        "Generators, which Keras 3 does not read in parallel; KM225 drops the arguments.",
        "Data that the source does not show to be a Sequence, or that is made in the call itself.",
    ),
)
ORDER = Rule(
    "KM226",
    "compile-order",
    "Name the third argument of compile",
    "compile(optimizer, loss, X): X was metrics, and is loss_weights in Keras 3. The error comes"
    " late and points elsewhere: \"dtype='string' is not a valid dtype for Keras type"
    ' promotion".',
    examples=(
        Example(
            "from keras.models import Sequential\n\n"
            "model = Sequential()\nmodel.compile('sgd', 'mse', ['mae'])\n",
            "from keras.models import Sequential\n\n"
            "model = Sequential()\nmodel.compile('sgd', 'mse', metrics=['mae'])\n",
        ),
    ),
    untouched=("A third argument that holds numbers, as loss weights do.",),
)
MAYBE_MODEL = Rule(
    "KM227",
    "maybe-a-model",
    "Report a training call in old style on what may be a Keras model",
    "nb_epoch and its like are words of Keras 1, but the source does not show what the receiver"
    " is.",
    Safety.NONE,
    Severity.WARNING,
)
