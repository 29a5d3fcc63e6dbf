"""The image layout: asked for by its new name, compared with its new values."""

from __future__ import annotations

from pathlib import Path

import pytest
from migrating import check, untouched

from kerasmigrate.project import Project
from kerasmigrate.transform import Settings

HEAD = "from keras import backend as K\n\n"
FORMAT = "K.image_data_format()"
OLD_WORDS = f"('th' if {FORMAT} == 'channels_first' else 'tf')"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "axis = 1 if K.image_dim_ordering() == 'th' else -1",
            f"axis = 1 if {FORMAT} == 'channels_first' else -1",
        ),
        (
            'if "tf" != K.image_dim_ordering():  # why\n    pass',
            f'if "channels_last" != {FORMAT}:  # why\n    pass',
        ),
        (
            "assert K.image_dim_ordering() in {'tf', 'th'}",
            f"assert {FORMAT} in {{'channels_last', 'channels_first'}}",
        ),
        (
            "assert K.image_dim_ordering() not in ('th',)",
            f"assert {FORMAT} not in ('channels_first',)",
        ),
        ("K.set_image_dim_ordering('th')", "K.set_image_data_format('channels_first')"),
        ('K.set_image_dim_ordering("tf")', 'K.set_image_data_format("channels_last")'),
        (
            "K.set_image_dim_ordering(dim_ordering='tf')",
            "K.set_image_data_format(data_format='channels_last')",
        ),
        (
            "K.set_image_dim_ordering(order)",
            "K.set_image_data_format('channels_first' if order == 'th' else 'channels_last')",
        ),
        (
            "K.set_image_dim_ordering(a or b)",
            "K.set_image_data_format('channels_first' if (a or b) == 'th' else 'channels_last')",
        ),
        ("print(K.image_dim_ordering())", f"print({OLD_WORDS})"),
        (
            "x = {'th': 1, 'tf': 3}[K.image_dim_ordering()]",
            f"x = {{'th': 1, 'tf': 3}}[{OLD_WORDS}]",
        ),
        (
            "x = K.image_dim_ordering() == 'th' == y",
            f"x = {OLD_WORDS} == 'th' == y",
        ),
        (
            "x = K.image_dim_ordering() == other",
            f"x = {OLD_WORDS} == other",
        ),
    ],
)
@pytest.mark.parametrize("to", ["keras", "tf.keras", "tf_keras"])
def test_questions(before: str, after: str, to: str) -> None:
    home = {"keras": "keras", "tf.keras": "tensorflow.keras", "tf_keras": "tf_keras"}[to]
    check(f"{HEAD}{before}\n", f"from {home} import backend as K\n\n{after}\n", to=to)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "order = K.image_dim_ordering()\nif order == 'th':\n    pass",
            f"order = {FORMAT}\nif order == 'channels_first':\n    pass",
        ),
        (
            "order = K.image_dim_ordering()\nif test:\n    order = 'tf'\nx = order != 'tf'",
            f"order = {FORMAT}\nif test:\n    order = 'channels_last'\n"
            "x = order != 'channels_last'",
        ),
        (
            "order = 'th'\nK.set_image_dim_ordering(order)",
            "order = 'channels_first'\nK.set_image_data_format(order)",
        ),
        # seen by somebody else: keeps its old words
        (
            "order = K.image_dim_ordering()\nif order == 'th':\n    show(order)",
            f"order = {OLD_WORDS}\nif order == 'th':\n    show(order)",
        ),
        (
            "order = K.image_dim_ordering()\norder = other\nx = order == 'th'",
            f"order = {OLD_WORDS}\norder = other\nx = order == 'th'",
        ),
        (
            "def f(order):\n    if order is None:\n        order = K.image_dim_ordering()\n"
            "    return order == 'th'",
            "def f(order):\n    if order is None:\n"
            f"        order = {OLD_WORDS}\n    return order == 'th'",
        ),
        (
            "class A:\n    def f(self):\n        self.order = K.image_dim_ordering()\n"
            "        return self.order == 'th'",
            f"class A:\n    def f(self):\n        self.order = {OLD_WORDS}\n"
            "        return self.order == 'th'",
        ),
    ],
)
def test_variables(before: str, after: str) -> None:
    check(f"{HEAD}{before}\n", f"{HEAD}{after}\n", to="keras")


def test_a_layer_takes_the_answer() -> None:
    check(
        f"{HEAD}from keras.layers import MaxPooling2D\n\n"
        "order = K.image_dim_ordering()\n"
        "a = MaxPooling2D(dim_ordering=order)\n"
        "b = MaxPooling2D(dim_ordering=K.image_dim_ordering())\n",
        f"{HEAD}from keras.layers import MaxPooling2D\n\n"
        f"order = {FORMAT}\n"
        "a = MaxPooling2D(data_format=order)\n"
        f"b = MaxPooling2D(data_format={FORMAT})\n",
        to="keras",
        codes=["KM206", "KM201", "KM201", "KM206"],
    )


def test_a_variable_of_literals_that_goes_to_layers() -> None:
    check(
        "from keras.layers import MaxPooling2D\n\n\ndef f(test):\n"
        "    order = 'th'\n    if test:\n        order = 'tf'\n"
        "    return MaxPooling2D(dim_ordering=order), order == 'th'\n",
        "from keras.layers import MaxPooling2D\n\n\ndef f(test):\n"
        "    order = 'channels_first'\n    if test:\n        order = 'channels_last'\n"
        "    return MaxPooling2D(data_format=order), order == 'channels_first'\n",
        to="keras",
        codes=["KM201"],
    )


def test_a_name_that_another_file_imports_keeps_its_value(tmp_path: Path) -> None:
    code = f"{HEAD}ORDER = K.image_dim_ordering()\nx = ORDER == 'th'\n"
    mine = tmp_path / "mine.py"
    other = tmp_path / "other.py"
    mine.write_text(code, encoding="utf-8")
    other.write_text("from mine import ORDER\n", encoding="utf-8")
    view = Project(tmp_path, [mine, other]).view(mine)
    check(code, code.replace("K.image_dim_ordering()", OLD_WORDS), to="keras", view=view)


@pytest.mark.parametrize(
    ("head", "before", "after"),
    [
        (
            "import keras",
            "keras.backend.image_dim_ordering() == 'th'",
            "keras.backend.image_data_format() == 'channels_first'",
        ),
        (
            "import keras.backend as B",
            "B.image_dim_ordering() == 'th'",
            "B.image_data_format() == 'channels_first'",
        ),
        (
            "from keras.backend import image_dim_ordering",
            "image_dim_ordering() == 'th'",
            "image_data_format() == 'channels_first'",
        ),
    ],
)
def test_spellings(head: str, before: str, after: str) -> None:
    new = head.replace("image_dim_ordering", "image_data_format")
    check(f"{head}\n\nx = {before}\n", f"{new}\n\nx = {after}\n", to="keras")


@pytest.mark.parametrize(
    "code",
    [
        f"{HEAD}x = {FORMAT} == 'channels_first'\n",
        f"{HEAD}x = order == 'th'\n",
        "import keras\n\norder = 'th'\nshow(order, dim_ordering=order)\n",
        "import keras\n\n\nclass K:\n    pass\n\n\nx = K.image_dim_ordering() == 'th'\n",
        "import keras\n\n# K.image_dim_ordering() == 'th'\n",
    ],
)
def test_left_alone(code: str) -> None:
    untouched(code, to="keras", codes=[])


def test_a_rule_that_is_not_selected_does_nothing() -> None:
    code = f"{HEAD}x = K.image_dim_ordering() == 'th'\n"
    untouched(code, to="keras", codes=["KM103"], settings=Settings(ignore=frozenset({"KM206"})))


def test_an_ignore_comment() -> None:
    code = f"{HEAD}x = K.image_dim_ordering() == 'th'  # kerasmigrate: ignore[KM206]\n"
    untouched(code, to="keras", codes=["KM103"])
