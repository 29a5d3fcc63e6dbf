"""Imports and references: exact texts for every spelling and target."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest
from migrating import check, untouched
from targets import ROOT, each_target

from kerasmigrate import inventory
from kerasmigrate.flavours import TARGETS as TARGETS_OF_ALL
from kerasmigrate.imports import locate
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import SOURCES, Project
from kerasmigrate.transform import Settings
from kerasmigrate.transforms import references

ROOTS = {"keras": "keras", "tf.keras": "tensorflow.keras", "tf_keras": "tf_keras"}
TARGETS = tuple(ROOTS)
SPELLINGS = (
    "keras",
    "keras.api",
    "keras.api._v2.keras",
    "keras.src",
    "keras_core",
    "tensorflow.keras",
    "tensorflow.compat.v1.keras",
    "tensorflow.compat.v2.keras",
    "tensorflow.contrib.keras",
    "tensorflow.contrib.keras.python.keras",
    "tensorflow.contrib.keras.api.keras",
    "tensorflow.python.keras",
    "tf_keras",
    "tf_keras.api._v2.keras",
)


def text(code: str) -> str:
    return dedent(code).lstrip("\n")


# -- spellings -------------------------------------------------------------------------------


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_from_import_of_every_spelling(spelling: str, to: str) -> None:
    before = f"from {spelling}.layers import Dense, LSTM\n\nDense(4)\nLSTM(4)\n"
    after = f"from {ROOTS[to]}.layers import Dense, LSTM\n\nDense(4)\nLSTM(4)\n"
    check(before, after, to=to, settings=Settings(modern_defaults=True))


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_module_alias_of_every_spelling(spelling: str) -> None:
    before = f"import {spelling}.layers as L\n\nL.Dense(4)\n"
    check(before, "import tf_keras.layers as L\n\nL.Dense(4)\n", to="tf_keras")


@pytest.mark.parametrize(
    ("to", "statement"),
    [
        ("keras", "import keras"),
        ("tf.keras", "from tensorflow import keras"),
        ("tf_keras", "import tf_keras as keras"),
    ],
)
@pytest.mark.parametrize(
    "before",
    [
        "import keras",
        "import keras as keras",
        "import tensorflow.keras as keras",
        "from tensorflow import keras",
        "from tensorflow.python import keras",
        "from tensorflow.compat.v1 import keras",
        "from tensorflow.contrib import keras",
        "import tf_keras as keras",
        "import keras_core as keras",
    ],
)
def test_root_import_of_every_spelling(before: str, to: str, statement: str) -> None:
    if (before, to) in (
        ("import keras as keras", "keras"),
        ("import tensorflow.keras as keras", "tf.keras"),
    ):
        statement = before  # right already
    check(f"{before}\n\nkeras.layers.Dense(4)\n", f"{statement}\n\nkeras.layers.Dense(4)\n", to=to)


@pytest.mark.parametrize(
    "statement",
    [
        "import keras",
        "import keras as keras",
        "import keras as k3",
        "import keras.layers",
        "import keras.layers as layers",
        "from keras import layers, backend as K",
        "from keras.layers import Dense",
        "from keras import Model",
    ],
)
def test_right_flavour_and_home_stays(statement: str) -> None:
    untouched(f"{statement}\n", to="keras", codes=[])


@pytest.mark.parametrize(
    ("to", "after"),
    [
        ("keras", "import keras\n\nlayer = keras.layers.Dense(4)\n"),
        ("tf.keras", "import tensorflow as tf\n\nlayer = tf.keras.layers.Dense(4)\n"),
        ("tf_keras", "import tf_keras as keras\n\nlayer = keras.layers.Dense(4)\n"),
    ],
)
def test_attribute_of_tensorflow(to: str, after: str) -> None:
    check("import tensorflow as tf\n\nlayer = tf.keras.layers.Dense(4)\n", after, to=to)


def test_tensorflow_stays_while_anything_uses_it() -> None:
    before = text("""
        import tensorflow as tf

        x = tf.constant(1)
        layer = tf.keras.layers.Dense(4)
    """)
    after = text("""
        import tensorflow as tf
        import keras

        x = tf.constant(1)
        layer = keras.layers.Dense(4)
    """)
    check(before, after, to="keras", codes=["KM101", "KM102"])


def test_tensorflow_in_an_annotation_string_counts_as_use() -> None:
    before = text("""
        import tensorflow as tf

        def f(x: "tf.Tensor"):
            return tf.keras.layers.Dense(4)(x)
    """)
    after = text("""
        import tensorflow as tf
        import keras

        def f(x: "tf.Tensor"):
            return keras.layers.Dense(4)(x)
    """)
    check(before, after, to="keras")


def test_unused_tensorflow_of_the_author_stays() -> None:
    untouched("import tensorflow as tf\nfrom keras.layers import Dense\n\nDense(4)\n", to="keras")


def test_root_is_reused_where_it_is_imported() -> None:
    before = text("""
        import keras
        import tensorflow as tf

        a = keras.layers.Dense(4)
        b = tf.keras.layers.Dense(4)
    """)
    after = text("""
        import keras

        a = keras.layers.Dense(4)
        b = keras.layers.Dense(4)
    """)
    check(before, after, to="keras")


def test_root_goes_by_another_name_where_its_own_is_taken() -> None:
    before = text("""
        import tensorflow as tf

        def build(keras):
            return tf.keras.layers.Dense(keras)
    """)
    after = text("""
        import keras as keras_api

        def build(keras):
            return keras_api.layers.Dense(keras)
    """)
    check(before, after, to="keras")


def test_name_is_taken_only_where_it_is_in_sight() -> None:
    before = text("""
        import tensorflow as tf

        def other(keras):
            return keras + 1

        layer = tf.keras.layers.Dense(4)
    """)
    check(
        before,
        before.replace("import tensorflow as tf", "import keras").replace("tf.keras", "keras"),
        to="keras",
    )


def test_import_inside_a_function() -> None:
    before = text("""
        def build():
            import tensorflow as tf
            return tf.keras.layers.Dense(4)
    """)
    after = text("""
        def build():
            import tf_keras as keras
            return keras.layers.Dense(4)
    """)
    check(before, after, to="tf_keras")


def test_unaliased_tensorflow() -> None:
    before = "import tensorflow\n\nx = tensorflow.constant(1)\ny = tensorflow.keras.Input((4,))\n"
    after = "import tensorflow\nimport keras\n\nx = tensorflow.constant(1)\ny = keras.Input((4,))\n"
    check(before, after, to="keras")
    untouched(before, to="tf.keras", codes=[])


@pytest.mark.parametrize(
    "name",
    [
        "optimizers.SGD",
        "optimizers.schedules.ExponentialDecay",
        "losses.MeanSquaredError",
        "metrics.Mean",
        "initializers.GlorotUniform",
    ],
)
@pytest.mark.parametrize("tensorflow", ["tf", "tf.compat.v2"])
def test_short_names_of_tensorflow_2(name: str, tensorflow: str) -> None:
    code = f"import tensorflow as tf\n\nx = tf.constant(1)\ny = {tensorflow}.{name}\n"
    joined = code.replace("as tf\n", "as tf\nimport keras\n", 1)
    check(code, joined.replace(f"{tensorflow}.{name}", f"keras.{name}"), to="keras")
    legacy = code.replace("as tf\n", "as tf\nimport tf_keras as keras\n", 1)
    check(code, legacy.replace(f"{tensorflow}.{name}", f"keras.{name}"), to="tf_keras")
    check(code, code.replace(f"{tensorflow}.{name}", f"tf.keras.{name}"), to="tf.keras")


@pytest.mark.parametrize("to", ["keras", "tf.keras", "tf_keras"])
@pytest.mark.parametrize(
    "name",
    [
        "losses.mean_squared_error",
        "losses.Reduction.SUM",
        "losses",
        "metrics.accuracy",
        "initializers.random_normal",
        "nn.relu",
        "compat.v1.losses.Reduction",
    ],
)
def test_what_tensorflow_1_had_under_these_names(name: str, to: str) -> None:
    untouched(f"import tensorflow as tf\n\ny = tf.{name}\n", to=to, codes=[])


def test_arguments_of_short_names() -> None:
    code = "import tensorflow as tf\n\nx = tf.constant(1)\ny = tf.optimizers.SGD(lr=0.1)\n"
    after = code.replace("optimizers.SGD(lr", "keras.optimizers.SGD(learning_rate")
    check(code, after, to="tf.keras", codes=["KM102", "KM201"])


def test_unaliased_tensorflow_keras() -> None:
    before = "import tensorflow.keras\n\ny = tensorflow.keras.Input((4,))\n"
    check(before, "import keras\n\ny = keras.Input((4,))\n", to="keras")
    untouched(before, to="tf.keras", codes=[])


# -- homes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "name", "home"),
    [
        ("layers.core", "Dense", "layers"),
        ("layers.convolutional", "MaxPooling2D", "layers"),
        ("layers.normalization", "BatchNormalization", "layers"),
        ("layers.recurrent", "LSTM", "layers"),
        ("layers.merge", "concatenate", "layers"),
        ("layers.pooling", "GlobalAveragePooling2D", "layers"),
        ("layers.embeddings", "Embedding", "layers"),
        ("layers.advanced_activations", "LeakyReLU", "layers"),
        ("layers.wrappers", "TimeDistributed", "layers"),
        ("layers.noise", "GaussianNoise", "layers"),
        ("engine", "Layer", "layers"),
        ("engine.topology", "InputSpec", "layers"),
        ("engine.base_layer", "Layer", "layers"),
        ("engine.training", "Model", "models"),
        ("utils.np_utils", "to_categorical", "utils"),
        ("utils.generic_utils", "Progbar", "utils"),
        ("utils.data_utils", "get_file", "utils"),
        ("utils.vis_utils", "plot_model", "utils"),
        ("utils.layer_utils", "get_source_inputs", "utils"),
        ("objectives", "categorical_crossentropy", "losses"),
    ],
)
@pytest.mark.parametrize("to", TARGETS)
def test_private_home_becomes_public(old: str, name: str, home: str, to: str) -> None:
    before = f"from keras.{old} import {name}\n\nprint({name})\n"
    check(before, f"from {ROOTS[to]}.{home} import {name}\n\nprint({name})\n", to=to)


def test_names_of_one_statement_part_company() -> None:
    before = text("""
        from keras.engine import Layer, InputSpec, get_source_inputs, Model  # engine
        print(Layer, InputSpec, get_source_inputs, Model)
    """)
    after = text("""
        from keras.layers import Layer, InputSpec  # engine
        from keras.utils import get_source_inputs
        from keras.models import Model
        print(Layer, InputSpec, get_source_inputs, Model)
    """)
    check(before, after, to="keras", codes=["KM101"])


def test_layout_and_comments_stay_with_their_names() -> None:
    before = text("""
        # the layers
        from keras.layers.core import (
            Dense,  # fully connected
            Dropout,
            Lambda,  # anything else
        )
        print(Dense, Dropout, Lambda)
    """)
    check(before, before.replace("keras.layers.core", "tf_keras.layers"), to="tf_keras")


def test_comment_follows_the_name_that_leaves() -> None:
    before = text("""
        from keras.engine import (
            Layer,
            get_source_inputs,  # walks back
            InputSpec,
        )
        print(Layer, get_source_inputs, InputSpec)
    """)
    after = text("""
        from keras.layers import (
            Layer,
            InputSpec,
        )
        from keras.utils import get_source_inputs  # walks back
        print(Layer, get_source_inputs, InputSpec)
    """)
    check(before, after, to="keras")


def test_neighbours_with_the_same_home_are_joined() -> None:
    before = text("""
        from keras.layers.core import Dense
        from keras.layers.recurrent import LSTM
        from keras.layers.embeddings import Embedding

        from keras.layers.core import Dropout
        print(Dense, LSTM, Embedding, Dropout)
    """)
    after = text("""
        from keras.layers import Dense, LSTM, Embedding

        from keras.layers import Dropout
        print(Dense, LSTM, Embedding, Dropout)
    """)
    check(before, after, to="keras")


def test_joined_lines_do_not_grow_too_long() -> None:
    names = "GlobalAveragePooling2D, GlobalMaxPooling2D, AveragePooling2D"
    before = (
        f"from keras.layers.pooling import {names}\n"
        "from keras.layers.core import Dropout\n"
        f"print({names}, Dropout)\n"
    )
    after = (
        f"from keras.layers import {names}\n"
        "from keras.layers import Dropout\n"
        f"print({names}, Dropout)\n"
    )
    check(before, after, to="keras")


def test_duplicates_that_arise_go() -> None:
    before = text("""
        from keras.layers import Dense
        import os
        from keras.layers.core import Dense, Dropout
        print(Dense, Dropout)
    """)
    after = text("""
        from keras.layers import Dense
        import os
        from keras.layers import Dropout
        print(Dense, Dropout)
    """)
    check(before, after, to="keras")


def test_duplicates_of_the_author_stay() -> None:
    untouched(
        "from keras.layers import Dense\nimport os\nfrom keras.layers import Dense\n", to="keras"
    )


def test_comment_above_a_dropped_line_stays() -> None:
    before = text("""
        from keras.layers import Dense
        import os
        # the old home
        from keras.layers.core import Dense
        print(Dense)
    """)
    after = text("""
        from keras.layers import Dense
        import os
        # the old home
        print(Dense)
    """)
    check(before, after, to="keras")


def test_renamed_class_and_its_references() -> None:
    before = text("""
        from keras.layers import Convolution2D as C, Convolution1D
        from keras.optimizers import adam, sgd

        if isinstance(x, (C, Convolution1D)):
            adam()
            sgd()
    """)
    after = text("""
        from keras.layers import Conv2D as C, Conv1D
        from keras.optimizers import Adam, SGD

        if isinstance(x, (C, Conv1D)):
            Adam(epsilon=1e-8)
            SGD()
    """)
    check(before, after, to="keras")


def test_renamed_class_keeps_its_local_name_where_the_new_one_is_taken() -> None:
    before = text("""
        from keras.layers import Convolution2D

        def Conv2D(*args):
            return Convolution2D(*args)
    """)
    after = before.replace(
        "from keras.layers import Convolution2D", "from keras.layers import Conv2D as Convolution2D"
    )
    check(before, after, to="keras")


def test_renamed_class_keeps_its_local_name_where_it_is_exported() -> None:
    project = Project(Path("/nowhere"))
    view = project.view(Path("/nowhere/package/__init__.py"))
    after = "from keras.layers import Conv2D as Convolution2D\n"
    check("from keras.layers import Convolution2D\n", after, to="keras", view=view)


def test_module_that_moved() -> None:
    before = text("""
        from keras.utils import np_utils

        y = np_utils.to_categorical(x)
    """)
    after = text("""
        from keras import utils

        y = utils.to_categorical(x)
    """)
    check(before, after, to="keras")


def test_module_that_moved_keeps_its_name_where_the_new_one_is_taken() -> None:
    before = text("""
        import utils
        from keras.utils import np_utils

        y = np_utils.to_categorical(utils.x)
    """)
    after = before.replace(
        "from keras.utils import np_utils", "from keras import utils as np_utils"
    )
    check(before, after, to="keras")


def test_attribute_of_a_module_that_has_several_successors() -> None:
    before = text("""
        import keras.engine as KE
        import keras.layers as KL

        class A(KE.Layer):
            pass

        KE.get_source_inputs(KL.Dense(4))
    """)
    after = text("""
        import keras.layers as KE
        from keras import utils
        import keras.layers as KL

        class A(KE.Layer):
            pass

        utils.get_source_inputs(KL.Dense(4))
    """)
    check(before, after, to="keras", settings=Settings(ignore=frozenset({"KM3"})))


def test_plain_assignment_is_an_alias() -> None:
    before = text("""
        import tensorflow as tf

        L = tf.keras.layers
        K = tf.keras.backend
        L.Convolution2D(4, (3, 3))
        K.epsilon()
    """)
    after = text("""
        import keras

        L = keras.layers
        K = keras.backend
        L.Conv2D(4, (3, 3))
        K.epsilon()
    """)
    check(before, after, to="keras")


# -- what the target does not have -----------------------------------------------------------


def test_gone_name_stays_where_it_was_and_is_reported() -> None:
    before = "from keras.layers.recurrent import LSTM, Recurrent\n\nLSTM(4)\nRecurrent()\n"
    after = (
        "from tf_keras.layers import LSTM\nfrom keras.layers.recurrent import Recurrent\n\n"
        "LSTM(4)\nRecurrent()\n"
    )
    modern = Settings(modern_defaults=True)
    (moved, gone) = check(before, after, to="tf_keras", codes=["KM101", "KM103"], settings=modern)
    assert moved.fixed and not gone.fixed
    assert gone.message == "keras.layers.recurrent.Recurrent does not exist in tf_keras (Keras 2)"
    assert (gone.line, gone.column) == (1, 42)


def test_gone_attribute_is_reported_where_it_is_used() -> None:
    (finding,) = untouched(
        "import keras\n\nkeras.layers.Recurrent()\n", to="keras", codes=["KM103"]
    )
    assert (finding.line, finding.column, finding.end_column) == (3, 1, 23)


def test_unknown_name_of_keras_is_reported() -> None:
    (finding,) = untouched(
        "from keras.layers import Denze\nDenze(4)\n", to="keras", codes=["KM103"]
    )
    assert finding.message == "keras.layers.Denze is in no version of Keras that kerasmigrate knows"


def test_unused_import_of_a_gone_name_is_dropped() -> None:
    check("from keras.layers import Highway\n", "\n", to="keras", codes=["KM109"])


def test_unused_import_of_a_gone_name_stays_in_a_package() -> None:
    view = Project(Path("/nowhere")).view(Path("/nowhere/package/__init__.py"))
    untouched("from keras.layers import Highway\n", to="keras", codes=["KM103"], view=view)


def test_a_star_import_keeps_no_import_that_fails(tmp_path: Path) -> None:
    made, user = tmp_path / "made.py", tmp_path / "user.py"
    code = "from keras.layers import Dense\nfrom keras.utils.np_utils import conv_output_length\n"
    made.write_text(code)
    used = "n = conv_output_length(8, 3, 'same', 1)\n"
    user.write_text(f"from keras.layers import Dense\nfrom made import *\n\n{used}")
    project = Project(tmp_path, (made, user))
    check(
        code,
        "from keras.layers import Dense\n",
        to="keras",
        codes=["KM109"],
        view=project.view(made),
    )
    user.write_text("from made import conv_output_length\n")
    view = Project(tmp_path, (made, user)).view(made)
    untouched(code, to="keras", codes=["KM103"], view=view)


def test_block_does_not_become_empty() -> None:
    before = "def f():\n    from keras.layers import Highway\n"
    check(before, "def f():\n    pass\n", to="keras")


@pytest.mark.parametrize(
    ("to", "known"), [("keras", False), ("tf.keras", False), ("tf_keras", True)]
)
def test_names_only_in_tf_keras(to: str, known: bool) -> None:
    code = "from {}.layers import LocallyConnected1D\n\nprint(LocallyConnected1D)\n"
    before = code.format("keras")
    if known:
        check(before, code.format(ROOTS[to]), to=to)
    else:
        untouched(before, to=to, codes=["KM103"])


def test_names_only_in_standalone_keras() -> None:
    check(
        "from keras.losses import mean_squared_error\nprint(mean_squared_error)\n",
        "from tensorflow.keras.losses import mse\nprint(mse)\n",
        to="tf.keras",
    )


# -- guards ----------------------------------------------------------------------------------


@pytest.mark.parametrize("error", ["ImportError", "ModuleNotFoundError", "Exception", ""])
def test_guarded_flavours_become_one(error: str) -> None:
    before = text(f"""
        # either will do
        try:
            import keras
            from keras import backend as K  # old
        except{" " + error if error else ""}:
            from tensorflow import keras
            from tensorflow.keras import backend as K

        print(keras, K)
    """)
    after = text("""
        # either will do
        import keras
        from keras import backend as K  # old

        print(keras, K)
    """)
    check(before, after, to="keras", codes=["KM106"])


def test_switch_between_flavours_becomes_one() -> None:
    before = text("""
        import os

        if os.environ.get("TF_KERAS"):
            from tensorflow.keras.layers import Dense
        else:
            from keras.layers.core import Dense

        Dense(4)
    """)
    after = text("""
        import os

        from tf_keras.layers import Dense

        Dense(4)
    """)
    check(before, after, to="tf_keras")


def test_the_branch_that_works_is_taken() -> None:
    before = text("""
        try:
            from keras.layers import NoSuchLayer as Add
        except ImportError:
            from keras.layers.merge import Add

        Add()
    """)
    check(before, "from keras.layers import Add\n\nAdd()\n", to="keras")


@pytest.mark.parametrize(
    "handler",
    ["    keras = None\n", "    raise SystemExit('install keras')\n", "    pass\n"],
)
def test_guard_that_does_something_else_stays(handler: str) -> None:
    before = f"try:\n    from tensorflow import keras\nexcept ImportError:\n{handler}"
    after = f"try:\n    import keras\nexcept ImportError:\n{handler}"
    check(before, after, to="keras", codes=["KM101"])


def test_guard_with_a_flag_stays() -> None:
    before = text("""
        try:
            import keras
            HAVE = 1
        except ImportError:
            from tensorflow import keras
            HAVE = 2
        keras.layers.Dense(4)
    """)
    after = before.replace("    from tensorflow import keras", "    import keras")
    check(before, after, to="keras")


@pytest.mark.parametrize(
    "guard",
    [
        """
        try:
            from keras.layers import Dense
        except ImportError:
            Dense = tf.keras.layers.Dense
        """,
        """
        if os.environ.get("TF_KERAS"):
            Dense = tf.keras.layers.Dense
        else:
            from keras.layers.core import Dense
        """,
        """
        if os.environ.get("TF_KERAS"):
            from tensorflow import keras as k
            Dense = k.layers.Dense
        else:
            from keras.layers import Dense
            import keras as k
        """,
    ],
)
def test_branch_that_assigns_goes_with_its_guard(guard: str) -> None:
    before = "import os\nimport tensorflow as tf\n\n" + text(guard) + "\ntf.zeros(1), Dense(4)\n"
    result = Pipeline.to("keras").run(before).text
    assert "from keras.layers import Dense\n" in result
    assert not {"try", "if", "else", "except"} & set(result.replace(":", " ").split())
    check(before, result, to="keras")


def test_import_that_only_feeds_its_branch_goes_with_it() -> None:
    before = text("""
        if TF_KERAS:
            import tensorflow as tf
            keras = tf.keras
        else:
            import keras

        keras.layers.core.Dense(4)
    """)
    check(before, "import tf_keras as keras\n\nkeras.layers.Dense(4)\n", to="tf_keras")
    untouched_use = before + "tf.zeros(1)\n"
    assert "else:" in Pipeline.to("tf_keras").run(untouched_use).text


# -- scopes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "def f(keras):\n    return keras.layers.core.Dense(4)\n",
        "def f():\n    keras = g()\n    return keras.layers.core.Dense(4)\n",
        "f = lambda keras: keras.layers.core.Dense(4)\n",
        "x = [keras.layers.core.Dense for keras in y]\n",
        "for keras in y:\n    keras.layers.core.Dense\n",
        "with open(p) as keras:\n    keras.layers.core.Dense\n",
        "class keras:\n    pass\n\nkeras.layers.core.Dense\n",
        "try:\n    pass\nexcept E as keras:\n    keras.layers.core.Dense\n",
        "match v:\n    case keras:\n        keras.layers.core.Dense\n",
        "if (keras := g()):\n    keras.layers.core.Dense\n",
        "import mine as keras\nkeras.layers.core.Dense\n",
        "from mine import keras\nkeras.layers.core.Dense\n",
    ],
)
def test_name_that_is_not_keras(code: str) -> None:
    untouched(code, to="keras", codes=[])
    untouched(code, to="tf_keras", codes=[])


def test_parameter_hides_the_import_only_inside() -> None:
    before = text("""
        from keras.layers import Convolution2D

        def f(Convolution2D):
            return Convolution2D

        print(Convolution2D)
    """)
    after = text("""
        from keras.layers import Conv2D

        def f(Convolution2D):
            return Convolution2D

        print(Conv2D)
    """)
    check(before, after, to="keras")


def test_class_body_does_not_hide_from_its_methods() -> None:
    before = text("""
        import tensorflow as tf

        class A:
            tf = 1

            def f(self):
                return tf.keras.Input((4,))
    """)
    after = text("""
        import keras

        class A:
            tf = 1

            def f(self):
                return keras.Input((4,))
    """).replace("import keras", "import tensorflow as tf\nimport keras")
    check(before, after, to="keras")


def test_name_that_may_be_either_is_left_and_reported() -> None:
    before = text("""
        from keras.layers import Convolution2D

        def f():
            return Convolution2D(4, (3, 3))

        Convolution2D = wrap(Convolution2D)
    """)
    findings = check(
        before,
        before.replace("import Convolution2D", "import Conv2D as Convolution2D"),
        to="keras",
    )
    assert [f.code for f in findings if not f.fixed] == ["KM107", "KM107"]


# -- statements ------------------------------------------------------------------------------


def test_several_modules_in_one_statement() -> None:
    check("import os, keras, sys\n", "import os, tf_keras as keras, sys\n", to="tf_keras")


def test_statements_joined_by_semicolons() -> None:
    check(
        "import os; import keras; x = 1\n",
        "import os; from tensorflow import keras; x = 1\n",
        to="tf.keras",
    )


def test_one_line_suite() -> None:
    check("if x: import keras\n", "if x: import tf_keras as keras\n", to="tf_keras")


def test_header_future_and_docstring_keep_their_place() -> None:
    before = text('''
        #!/usr/bin/env python
        # -*- coding: utf-8 -*-
        """A module."""
        from __future__ import print_function
        import tensorflow as tf

        tf.keras.layers.Dense(4)
    ''')
    after = before.replace("import tensorflow as tf", "import keras").replace("tf.keras", "keras")
    check(before, after, to="keras")


def test_type_checking_block() -> None:
    check(
        "from t import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from keras.engine import Layer\n",
        "from t import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from keras.layers import Layer\n",
        to="keras",
    )


def test_parentheses_around_a_reference_stay() -> None:
    check(
        "import keras\n\nx = (keras.layers.core.Dense)(4)\n",
        "import keras\n\nx = (keras.layers.Dense)(4)\n",
        to="keras",
    )


# -- stars -----------------------------------------------------------------------------------


def test_star_becomes_what_is_used() -> None:
    before = text("""
        from keras.layers import *
        from keras.objectives import *

        Dense(4)
        Convolution2D(4, (3, 3))
        mean_squared_error(x, y)
    """)
    after = text("""
        from keras.layers import Dense, Conv2D
        from keras.losses import mean_squared_error

        Dense(4)
        Conv2D(4, (3, 3))
        mean_squared_error(x, y)
    """)
    check(before, after, to="keras")


def test_star_brought_names_of_others() -> None:
    before = "from keras.layers.core import *\n\nnp.zeros(3)\nK.epsilon()\nDense(4)\n"
    after = (
        "from keras import backend as K\nimport numpy as np\nfrom keras.layers import Dense\n\n"
        "np.zeros(3)\nK.epsilon()\nDense(4)\n"
    )
    check(before, after, to="keras")


@pytest.mark.parametrize("made", ["from layers import Dense", "from layers import *"])
def test_a_class_of_a_module_hides_what_its_star_brought(tmp_path: Path, made: str) -> None:
    layers, user = tmp_path / "layers.py", tmp_path / "user.py"
    layers.write_text(
        "from keras.layers import *\n\n\nclass Dense(Layer):\n    def __init__(self, W):\n"
        "        super().__init__()\n"
    )
    code = f"from keras.models import Sequential\n{made}\n\nmodel = Sequential([Dense(W=3)])\n"
    user.write_text(code)
    untouched(code, to="keras", codes=[], view=Project(tmp_path, (layers, user)).view(user))


ATROUS = "AtrousConvolution2D(4, 3, 3, atrous_rate=(2, 2))"
DILATED = "Conv2D(4, (3, 3), dilation_rate=(2, 2))"


@each_target
def test_a_new_name_that_a_star_brings_already(to: str) -> None:
    root = ROOT[to][1]
    check(
        f"from keras.layers import *\n\nConv2D(4, (3, 3))\nx = {ATROUS}\n",
        f"from {root}.layers import Conv2D\n\nConv2D(4, (3, 3))\nx = {DILATED}\n",
        to=to,
    )


@each_target
def test_an_old_name_that_is_taken_is_imported_for_what_it_was(to: str) -> None:
    old = DILATED.replace("Conv2D", "AtrousConvolution2D")
    check(
        f"from keras.layers import *\nfrom mine import Conv2D\n\nConv2D(x)\nx = {ATROUS}\n",
        f"from {ROOT[to][1]}.layers import Conv2D as AtrousConvolution2D\n"
        f"from mine import Conv2D\n\nConv2D(x)\nx = {old}\n",
        to=to,
    )


@pytest.mark.parametrize(
    ("star", "kept"),
    [
        ("from other import *\n", ""),
        ("from keras.layers import *\nfrom other import *\n", "from keras.layers import *\n"),
    ],
)
def test_old_names_that_a_star_of_the_project_brings(star: str, kept: str, tmp_path: Path) -> None:
    project = write(tmp_path, {"other.py": "from keras.layers import *\n", "use.py": star})
    view = project.view(tmp_path / "use.py")
    own = f"{star}\n\nclass Conv2D:\n    pass\n\n\nx = {ATROUS}\n"
    old = DILATED.replace("Conv2D", "AtrousConvolution2D")
    check(
        own,
        f"{kept}from other import *\nfrom keras.layers import Conv2D as AtrousConvolution2D\n\n\n"
        f"class Conv2D:\n    pass\n\n\nx = {old}\n",
        to="keras",
        view=view,
    )
    check(
        f"{star}\nConv2D(4, (3, 3))\nx = {ATROUS}\n",
        f"{kept}from other import *\n\nConv2D(4, (3, 3))\nx = {DILATED}\n",
        to="keras",
        view=view,
    )


def test_a_name_that_a_star_of_the_project_no_longer_brings(tmp_path: Path) -> None:
    project = write(
        tmp_path, {"other.py": "from keras.layers import *\n", "use.py": "from other import *\n"}
    )
    (found,) = untouched(
        "from other import *\n\nDense(4)\nRecurrent(3)\nmine(3)\n",
        to="keras",
        codes=["KM103"],
        view=project.view(tmp_path / "use.py"),
    )
    assert (found.line, found.message) == (
        4,
        "keras.layers.Recurrent does not exist in keras (Keras 3)",
    )


def test_star_stays_for_what_is_gone() -> None:
    before = "from keras.layers import *\n\nDense(4)\nRecurrent()\n"
    after = "from tf_keras.layers import *\n\nDense(4)\nRecurrent()\n"
    check(before, after, to="tf_keras", codes=["KM101", "KM103"])


# -- ignoring --------------------------------------------------------------------------------


def test_ignore_comment_on_an_import() -> None:
    before = text("""
        from keras.layers.core import Dense  # kerasmigrate: ignore
        from keras.layers.core import Dropout  # kerasmigrate: ignore[KM101]
        from keras.layers.core import Lambda  # kerasmigrate: ignore[KM102]
        print(Dense, Dropout, Lambda)
    """)
    after = before.replace(
        "from keras.layers.core import Lambda", "from keras.layers import Lambda"
    )
    check(before, after, to="keras", codes=["KM101"])


def test_unselected_rules_do_nothing() -> None:
    code = "from keras.layers.core import Dense\n\nDense(4)\n"
    untouched(code, to="keras", codes=[], settings=Settings(ignore=frozenset({"KM1"})))
    untouched(code, to="keras", codes=[], settings=Settings(select=frozenset({"KM2"})))


# -- projects --------------------------------------------------------------------------------


def write(root: Path, files: dict[str, str]) -> Project:
    for name, code in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(code), encoding="utf-8")
    return Project(root, [root / name for name in files])


def test_names_re_exported_by_another_module(tmp_path: Path) -> None:
    project = write(
        tmp_path,
        {
            "package/__init__.py": "",
            "package/backend.py": """
                import os
                if os.environ.get("TF_KERAS"):
                    from tensorflow.python import keras
                    from tensorflow.python.keras import backend as K
                else:
                    import keras
                    from keras import backend as K
            """,
            "package/layers.py": """
                from .backend import keras, K

                class A(object):
                    base = keras.engine.base_layer.Layer
            """,
            "script.py": "from package.backend import keras\nkeras.layers.core.Dense(4)\n",
        },
    )
    check(
        (tmp_path / "package/layers.py").read_text(encoding="utf-8"),
        text("""
            from .backend import keras, K

            class A(object):
                base = keras.layers.Layer
        """),
        to="keras",
        view=project.view(tmp_path / "package/layers.py"),
    )
    check(
        "from package.backend import keras\nkeras.layers.core.Dense(4)\n",
        "from package.backend import keras\nkeras.layers.Dense(4)\n",
        to="tf_keras",
        view=project.view(tmp_path / "script.py"),
    )
    check(
        (tmp_path / "package/backend.py").read_text(encoding="utf-8"),
        "import os\nimport tf_keras as keras\nfrom tf_keras import backend as K\n",
        to="tf_keras",
        view=project.view(tmp_path / "package/backend.py"),
    )


def test_name_that_others_import_keeps_its_local_name(tmp_path: Path) -> None:
    project = write(
        tmp_path,
        {
            "layers.py": "from keras.layers import Convolution2D, Convolution1D\n",
            "model.py": "from layers import Convolution2D\n\nConvolution2D(4, (3, 3))\n",
        },
    )
    check(
        "from keras.layers import Convolution2D, Convolution1D\n",
        "from keras.layers import Conv2D as Convolution2D, Conv1D\n",
        to="keras",
        view=project.view(tmp_path / "layers.py"),
    )
    untouched(
        "from layers import Convolution2D\n\nConvolution2D(4, (3, 3))\n",
        to="keras",
        view=project.view(tmp_path / "model.py"),
    )


def test_star_stays_where_others_import_from_it(tmp_path: Path) -> None:
    project = write(
        tmp_path,
        {
            "common.py": "from keras.layers import *\n",
            "model.py": "from common import *\n\nDense(4)\n",
        },
    )
    check(
        "from keras.layers import *\n",
        "from tf_keras.layers import *\n",
        to="tf_keras",
        codes=["KM101", "KM104"],
        view=project.view(tmp_path / "common.py"),
    )


def test_a_module_of_the_project_called_keras_is_still_keras(tmp_path: Path) -> None:
    project = write(tmp_path, {"keras/__init__.py": "", "model.py": "import keras\n"})
    check(
        "import keras\n",
        "import tf_keras as keras\n",
        to="tf_keras",
        view=project.view(tmp_path / "model.py"),
    )


# -- advice ----------------------------------------------------------------------------------


def test_advice_for_a_gone_name() -> None:
    (finding,) = untouched(
        "from keras.layers import LocallyConnected1D\n\nprint(LocallyConnected1D)\n",
        to="keras",
        codes=["KM103"],
    )
    assert finding.advice == (
        "write it as a layer, or migrate to tf_keras, which still has it; a plain call"
        " LocallyConnected1D(filters, kernel_size) is converted;"
        " tensorflow.keras.layers.LocallyConnected1D still exists"
    )


@pytest.mark.parametrize(
    ("to", "version"), [("keras", "scikeras 0.13: "), ("tf_keras", "scikeras 0.12, with TF_USE_")]
)
@pytest.mark.parametrize("name", ["KerasClassifier", "KerasRegressor"])
def test_advice_for_a_wrapper_goes_with_the_target(name: str, to: str, version: str) -> None:
    code = f"from keras.wrappers.scikit_learn import {name}\n\n{name}(build, epochs=3)\n"
    (finding,) = untouched(code, to=to, codes=["KM103"])
    assert finding.advice.startswith(version)
    assert f"{name}(model=build_fn, epochs=3, model__units=8)" in finding.advice


#: In the tf.keras of TensorFlow 2.0 to 2.9, of which there is no inventory.
EARLY = (
    "CategoryCrossing",
    "DynamicLossScale",
    "FixedLossScale",
    "LinearCosineDecay",
    "NoisyLinearCosineDecay",
    "PeepholeLSTMCell",
    "export_saved_model",
)


def test_every_advice_is_for_a_name_that_was_and_is_gone() -> None:
    advices = json.loads(
        (Path(references.__file__).parent / "gone_names.json").read_text(encoding="utf-8")
    )
    for path in {each.partition("@")[0] for each in advices}:
        known = any(path in inventory.load(name) for name in SOURCES)
        assert known or "._" in path or path.rpartition(".")[2] in EARLY, path
        assert any(locate(path, target).path is None for target in TARGETS_OF_ALL), path


# -- private places of the target ------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "to"),
    [
        ("import keras\n\nkeras.src.backend.compute_output_spec(f, x)\n", "keras"),
        (
            "from keras.src.backend import any_symbolic_tensors\n\nany_symbolic_tensors(x)\n",
            "keras",
        ),
        ("import tf_keras\n\ntf_keras.src.backend.get_session()\n", "tf_keras"),
        ("from tf_keras.src.backend import get_session\n\nget_session()\n", "tf_keras"),
    ],
)
def test_a_private_place_of_the_target_is_only_noted(code: str, to: str) -> None:
    (finding,) = untouched(code, to=to, codes=["KM103"])
    assert finding.severity.value == "info" and "is private" in finding.message


@pytest.mark.parametrize(
    ("code", "to"),
    [
        ("import keras\n\nkeras.src.layers.Highway(4)\n", "keras"),
        ("from keras.src.utils import Config\n\nConfig()\n", "tf_keras"),
    ],
)
def test_a_private_place_of_another_keras_is_an_error(code: str, to: str) -> None:
    findings = [each for each in Pipeline.to(to).run(code).findings if each.code == "KM103"]
    assert [each.severity.value for each in findings] == ["error"]


def test_sessions_of_version_1_beside_the_old_keras() -> None:
    code = (
        "import tensorflow as tf\nfrom tensorflow.compat.v1.keras.backend import get_session\n\n"
        "tf.compat.v1.keras.backend.set_session(get_session())\n"
    )
    untouched(code, to="tf.keras", api=2, codes=[])
    assert {each.code for each in Pipeline.to("tf.keras").run(code).findings} >= {"KM503"}


@pytest.mark.parametrize("to", TARGETS)
def test_a_star_brings_what_an_edit_still_reaches(to: str) -> None:
    code = (
        "from keras.objectives import *\n\n\ndef get(name):\n"
        "    return get_from_module(name, globals(), 'objective')\n\n\n"
        "x = K.image_dim_ordering()\n"
    )
    text = Pipeline.to(to).run(code).text
    assert f"from {ROOTS[to]} import backend as K\n" in text
    assert "K.image_data_format()" in text


# -- names that the code puts into Keras itself ---------------------------------------------------

PATCH = "from keras import backend as K\n\nK.where = mine\n"
USE = "from keras import backend as K\n\nx = K.where(a, b, c)\n"


@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_a_name_that_the_file_puts_there(to: str) -> None:
    code = PATCH + "x = K.where(a, b, c)\n"
    check(code, code.replace("from keras", f"from {to}"), to=to, codes=["KM101"] * (to != "keras"))


def test_a_name_that_another_file_puts_there(tmp_path: Path) -> None:
    mine, user = tmp_path / "mine.py", tmp_path / "user.py"
    mine.write_text(PATCH, encoding="utf-8")
    user.write_text(USE, encoding="utf-8")
    untouched(USE, to="keras", codes=[], view=Project(tmp_path, [mine, user]).view(user))


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    K.where = mine\n",
        "K.other = mine\n",
        "J = object()\nJ.where = mine\n",
        "where = mine\n",
    ],
)
def test_a_name_that_nobody_puts_there_for_good(tmp_path: Path, code: str) -> None:
    mine, user = tmp_path / "mine.py", tmp_path / "user.py"
    mine.write_text(f"from keras import backend as K\n\n{code}", encoding="utf-8")
    user.write_text(USE, encoding="utf-8")
    untouched(USE, to="keras", codes=["KM103"], view=Project(tmp_path, [mine, user]).view(user))


def test_a_module_that_is_gone_takes_nothing() -> None:
    code = "import keras\n\nkeras.engine.base_layer.Node = Mine\n"
    untouched(code, to="keras", codes=["KM103"])


def test_a_function_that_converted_calls_do_not_see_is_reported() -> None:
    code = "from keras import backend as K\n\nK.reshape = mine\n"
    (found,) = untouched(code, to="keras", codes=["KM103"])
    assert found.line == 3
    assert found.message == (
        "the code puts its own reshape() into keras.backend, which converted calls do not see:"
        " keras has none, and they call what stands for it"
    )
    untouched(code.replace("from keras", "from tf_keras"), to="tf_keras", codes=[])


def test_what_every_module_has(tmp_path: Path) -> None:
    code = "import keras\n\nprint(keras.__file__, keras.layers.__doc__, keras.backend.__dict__)\n"
    check(
        code,
        code.replace("import keras", "import tf_keras as keras"),
        to="tf_keras",
        codes=["KM101"],
    )
    untouched(code, to="keras", codes=[])


@pytest.mark.parametrize(
    ("to", "name"), [("tf_keras", "tf_keras"), ("tf.keras", "keras._tf_keras.keras")]
)
def test_the_name_of_a_module(to: str, name: str) -> None:
    code = "import keras\n\nif keras.__name__ == 'keras':\n    print(keras.layers.Dense.__name__)\n"
    found = check(code, code.replace("import keras", ROOT[to][0]), to=to, codes=["KM101", "KM111"])
    assert found[1].message == f"keras.__name__ is the name of another module in {to}"
    assert found[1].advice == (f"ask for {name!r}, or leave out what only another flavour needs")
    untouched(code, to="keras", codes=[])


@pytest.mark.tensorflow
@pytest.mark.parametrize("to", ["keras", "tf.keras", "tf_keras"])
def test_the_names_that_packages_call_themselves(to: str) -> None:
    import importlib

    module = importlib.import_module(
        ROOT[to][1].replace("tensorflow.keras", "keras._tf_keras.keras")
    )
    assert references._NAMES[to] == module.__name__
    if to == "tf.keras":
        tensorflow = pytest.importorskip("tensorflow")
        assert tensorflow.keras.__name__ == module.__name__
