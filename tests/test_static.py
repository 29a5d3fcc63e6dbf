from __future__ import annotations

from pathlib import Path

import pytest

from kerasmigrate.flavours import Target, target
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import ModuleView, Project
from kerasmigrate.static import emitted_problems, static_problems
from kerasmigrate.transform import Settings

VIEW = Project(Path()).view(None)
KERAS = target("keras")


def problems(
    text: str, to: Target = KERAS, view: ModuleView = VIEW
) -> list[tuple[str, int, int, str]]:
    return [
        (each.code, each.line, each.column, each.message)
        for each in static_problems(text, view, to)
    ]


def test_nothing_wrong() -> None:
    assert (
        problems(
            "import keras\nfrom keras import layers as L\nfrom keras.layers import Dense\n"
            "model = keras.Sequential([Dense(4, activation='relu'), L.Conv2D(3, (3, 3))])\n"
            "model.compile('adam', loss='mse')\nmodel.fit(x, y, epochs=3)\nmodel.summary()\n"
            "keras.__version__\nkeras.layers.Dense.from_config({})\n"
        )
        == []
    )


def test_names_that_do_not_exist() -> None:
    text = (
        "import keras.layers.core\n"
        "from keras.layers import Dense, Highway\n"
        "from keras import backend as K\n"
        "K.set_image_dim_ordering('th')\n"
        "Highway()\n"
    )
    assert problems(text) == [
        ("KM901", 1, 8, "keras.layers.core does not exist in keras (Keras 3)"),
        ("KM901", 2, 33, "keras.layers.Highway does not exist in keras (Keras 3)"),
        ("KM901", 4, 1, "keras.backend.set_image_dim_ordering does not exist in keras (Keras 3)"),
    ]


def test_messages_are_in_the_words_of_the_target() -> None:
    text = "import tensorflow as tf\nfrom tensorflow.keras.layers import Highway\ntf.keras.Foo\n"
    assert problems(text, target("tf.keras", 2)) == [
        ("KM901", 2, 37, "tensorflow.keras.layers.Highway does not exist in tf.keras (Keras 2)"),
        ("KM901", 3, 1, "tensorflow.keras.Foo does not exist in tf.keras (Keras 2)"),
    ]


def test_other_flavours_are_not_judged() -> None:
    assert problems("from tensorflow.keras.layers import Highway\nHighway(bogus=1)\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    from keras.layers.core import Dense\nexcept ImportError:\n"
        "    from keras.layers import Dense\nDense(4)\n",
        "if OLD:\n    from keras.layers.core import Dense\nelse:\n"
        "    from keras.layers import Dense\nDense(4)\n",
    ],
)
def test_an_import_with_an_alternative_may_fail(text: str) -> None:
    assert problems(text) == []


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("Dense(4, bogus=1)", "no argument 'bogus'"),
        ("Dense()", "argument 'units' is missing"),
        ("Dense(4, units=3)", "argument 'units' is given twice"),
    ],
)
def test_calls_that_do_not_bind(call: str, reason: str) -> None:
    assert problems(f"from keras.layers import Dense\n{call}\n") == [
        ("KM902", 2, 1, f"keras.layers.Dense in keras (Keras 3) does not take this call: {reason}")
    ]


@pytest.mark.parametrize("call", ["Dense(*a)", "Dense(**k)", "Dense(4, **k)", "Dense(4)(x, 1, 2)"])
def test_calls_that_cannot_be_told(call: str) -> None:
    assert problems(f"from keras.layers import Dense\n{call}\n") == []


def test_methods_of_models() -> None:
    text = (
        "import keras\n"
        "model = keras.Sequential()\n"
        "model.fit(x, y, nb_epoch=3)\n"
        "model.fit_generator(g)\n"
        "model.whatever()\n"
    )
    assert problems(text) == [
        (
            "KM902",
            3,
            1,
            "keras.models.Sequential.fit in keras (Keras 3) does not take this call: no argument"
            " 'nb_epoch'",
        ),
        (
            "KM901",
            4,
            1,
            "keras.models.Sequential.fit_generator does not exist in keras (Keras 3)",
        ),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "import keras\nclass M(keras.Model):\n    def fit(self, a, b): pass\n"
        "m = M()\nm.fit(b=1, a=2)\n",
        "model = wrap()\nmodel.fit_generator(g)\n",
        "def f(model):\n    model.fit(x, y, nb_epoch=3)\n",
    ],
)
def test_methods_of_what_may_be_something_else(text: str) -> None:
    assert problems(text) == []


def test_text_that_does_not_compile() -> None:
    assert problems("x = (\n") == [("KM001", 1, 0, "'(' was never closed")]
    assert problems("return 1\n") == [("KM001", 1, 0, "'return' outside function")]
    ((code, line, _, message),) = problems("x = " + "-" * 5000 + "1")
    assert (code, line) == ("KM001", 0)
    # Python up to 3.12 gives up while compiling it, later ones leave that to us.
    assert message.startswith(("cannot be compiled: ", "expressions are nested too deeply"))


def emitted(before: str, after: str) -> list[str]:
    return [each.message for each in emitted_problems(before, after, VIEW, KERAS)]


def test_an_edit_that_brings_in_a_name_that_does_not_exist() -> None:
    before = "from tensorflow.keras.layers import Dense\nDense(4)\n"
    after = "from keras.layers.core import Dense\nDense(4)\n"
    assert emitted(before, after) == ["keras.layers.core does not exist in keras (Keras 3)"]


def test_an_edit_that_brings_in_a_keyword_that_does_not_exist() -> None:
    before = "from keras.layers import Conv2D\nConv2D(3, 3, border_mode='same')\n"
    after = "from keras.layers import Conv2D\nConv2D(3, 3, pading='same')\n"
    assert emitted(before, after) == [
        "keras.layers.Conv2D in keras (Keras 3) does not take this call: no argument 'pading'"
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # Right.
        ("import keras\nkeras.layers.core.Dense(4)\n", "import keras\nkeras.layers.Dense(4)\n"),
        # Wrong before, and in a line that stays.
        ("import keras\nkeras.Gone()\n", "import keras as k\nimport keras\nkeras.Gone()\n"),
        # Wrong before, in another flavour.
        (
            "import tensorflow as tf\ntf.keras.layers.Dense(4, bogus=1)\n",
            "import keras\nkeras.layers.Dense(4, bogus=1)\n",
        ),
        (
            "from tensorflow.keras.layers import Highway\nHighway()\n",
            "from keras.layers import Highway\nHighway()\n",
        ),
        ("x = 1\n", "x = 1\n"),
    ],
)
def test_what_an_edit_is_not_to_blame_for(before: str, after: str) -> None:
    assert emitted(before, after) == []


def test_one_old_mistake_does_not_excuse_two() -> None:
    before = "import keras\nkeras.Gone()\n"
    after = "import keras\nkeras.Gone(keras.Gone)\n"
    assert emitted(before, after) == ["keras.Gone does not exist in keras (Keras 3)"]


def test_names_of_other_files_are_judged_there(tmp_path: Path) -> None:
    (tmp_path / "backend.py").write_text("from keras.layers import Highway\n", encoding="utf-8")
    view = Project(tmp_path).view(tmp_path / "a.py")
    assert problems("from backend import Highway\n", view=view) == []


def test_a_name_that_a_star_brought_from_elsewhere_is_not_the_edits_fault() -> None:
    """``K`` came with the star, so that its functions are one name in two places."""
    before = "from keras.layers.core import *\n\nx = K.sum(y)\nz = Dense(4)\n"
    result = Pipeline.to("keras", settings=Settings(ignore=frozenset({"KM5"}))).run(before)
    assert result.text == (
        "from keras import backend as K\nfrom keras.layers import Dense\n\n"
        "x = K.sum(y)\nz = Dense(4)\n"
    )
