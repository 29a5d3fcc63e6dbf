"""Calls of classes that hand their arguments on to a Keras class (KM201, KM202, KM600)."""

from __future__ import annotations

from pathlib import Path

import pytest
from migrating import check, untouched

from kerasmigrate.project import Project

DENSE = "from keras.layers import Dense\n\n\n"
OWN = (
    DENSE + "class Own(Dense):\n"
    "    def __init__(self, output_dim, factor=1, **kwargs):\n"
    "        self.factor = factor\n"
    "        super(Own, self).__init__(output_dim, **kwargs)\n\n\n"
)


@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_options_that_a_constructor_hands_on(to: str) -> None:
    head = OWN if to == "keras" else OWN.replace("from keras", "from tf_keras")
    (found,) = [
        each
        for each in check(
            OWN + "Own(4, factor=2, init='zero', W_regularizer='l2', bias=False)\n",
            head + "Own(4, factor=2, kernel_initializer='zero', kernel_regularizer='l2',"
            " use_bias=False)\n",
            to=to,
        )
        if each.code == "KM201"
    ]
    assert found.message == (
        "Own: init= is now kernel_initializer=, W_regularizer= is now kernel_regularizer=,"
        " bias= is now use_bias="
    )


def test_a_class_without_a_constructor() -> None:
    head = "from keras.layers import Convolution2D\n\n\nclass Mine(Convolution2D):\n    pass\n\n\n"
    check(
        head + "Mine(8, 3, 5, border_mode='same')\n",
        head.replace("Convolution2D", "Conv2D") + "Mine(8, (3, 5), padding='same')\n",
        to="keras",
        codes=["KM101", "KM102", "KM201", "KM202"],
    )


def test_every_argument_handed_on() -> None:
    head = (
        DENSE + "class Both(Dense):\n"
        "    def __init__(self, *args, **kwargs):\n"
        "        Dense.__init__(self, *args, **kwargs)\n\n\n"
    )
    check(
        head + "Both(4, 'zero', bias=False)\n",
        head + "Both(4, kernel_initializer='zero', use_bias=False)\n",
        to="keras",
        codes=["KM201"],
    )


def test_through_several_classes() -> None:
    head = OWN + "class More(Own):\n    pass\n\n\nclass Most(More):\n    pass\n\n\n"
    check(head + "Most(3, bias=False)\n", head + "Most(3, use_bias=False)\n", to="keras")


def test_options_that_are_asked_for() -> None:
    head = (
        DENSE + "class Named(Dense):\n"
        "    def __init__(self, **kwargs):\n"
        "        self.tag = kwargs.pop('tag', None)\n"
        "        if 'label' in kwargs:\n"
        "            kwargs['name'] = kwargs.pop('label')\n"
        "        super().__init__(3, **kwargs)\n\n\n"
    )
    check(
        head + "Named(tag=1, label='a', bias=False)\n",
        head + "Named(tag=1, label='a', use_bias=False)\n",
        to="keras",
        codes=["KM201"],
    )


@pytest.mark.parametrize(
    "call",
    [
        "Own(4)",
        "Own(4, use_bias=False)",
        "Own(output_dim=4)",
        "Own(4, 2)",
        "Own(4, name='a')",
    ],
)
def test_what_is_right_or_its_own_stays(call: str) -> None:
    untouched(f"{OWN}{call}\n", to="keras", codes=[])


@pytest.mark.parametrize(
    "body",
    [
        # What else becomes of the options is not known.
        "    def __init__(self, **kwargs):\n        super().__init__(3, **change(kwargs))\n",
        "    def __init__(self, **kwargs):\n        look(kwargs)\n"
        "        super().__init__(3, **kwargs)\n",
        "    def __init__(self, **kwargs):\n        super().__init__(3, use_bias=kwargs['bias'])\n",
        # No options are handed on.
        "    def __init__(self, bias=False):\n        super().__init__(3, use_bias=bias)\n",
        "    def __init__(self, bias=False, **kwargs):\n"
        "        super().__init__(3, use_bias=bias, **kwargs)\n",
        "    def __new__(cls, **kwargs):\n        return Dense(3)\n",
    ],
)
def test_other_constructors(body: str) -> None:
    code = f"from keras.layers import Dense\n\n\nclass Other(Dense):\n{body}\n\nOther(bias=False)\n"
    untouched(code, to="keras", codes=[])


@pytest.mark.parametrize(
    "code",
    [
        "from mine import Dense\n\n\nclass Own(Dense):\n    pass\n\n\nOwn(4, bias=False)\n",
        "class Own(list):\n    pass\n\n\nOwn(bias=False)\n",
        "from keras.layers import Dense\n\n\nclass Own(Mixin, Dense):\n    pass\n\n\n"
        "Own(4, bias=False)\n",
        "from keras.layers import Dense\n\n\nclass Own(Dense, metaclass=Meta):\n    pass\n\n\n"
        "Own(4, bias=False)\n",
        "from keras.layers import Dense\n\n\ndef make(Own):\n    return Own(4, bias=False)\n",
    ],
)
def test_other_classes(code: str) -> None:
    untouched(code, to="keras", codes=[])


def test_a_class_of_another_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN, encoding="utf-8")
    user = tmp_path / "user.py"
    text = "from keras.models import Sequential\nfrom mine import Own\n\nm = Sequential()\n"
    user.write_text(text + "m.add(Own(4, bias=False))\n", encoding="utf-8")
    view = Project(tmp_path, [tmp_path / "mine.py", user]).view(user)
    check(
        text + "m.add(Own(4, bias=False))\n",
        text + "m.add(Own(4, use_bias=False))\n",
        to="keras",
        view=view,
    )


def test_an_old_default_of_a_class_without_a_constructor() -> None:
    head = "from keras.layers import Dense, LSTM\n\n\nclass Mine(LSTM):\n    pass\n\n\n"
    check(
        head + "Dense(output_dim=3)\nMine(output_dim=4)\n",
        head.replace("from keras", "from tf_keras")
        + 'Dense(units=3)\nMine(units=4, recurrent_activation="hard_sigmoid")\n',
        to="tf_keras",
        codes=["KM101", "KM201", "KM201", "KM600"],
    )


STARRED = (
    "from keras.models import Sequential\n{}from mine import *\n{}\n\n"
    "m = Sequential()\nm.add(Own(4, bias=False))\n"
)


@pytest.mark.parametrize(
    ("before", "behind"),
    [("", ""), ("from numpy import *\n", ""), ("", "from keras.layers import *\n")],
)
def test_a_class_that_a_star_brings(tmp_path: Path, before: str, behind: str) -> None:
    (tmp_path / "mine.py").write_text(OWN, encoding="utf-8")
    user = tmp_path / "user.py"
    text = STARRED.format(before, behind)
    user.write_text(text, encoding="utf-8")
    view = Project(tmp_path, [tmp_path / "mine.py", user]).view(user)
    check(text, text.replace("bias", "use_bias"), to="keras", view=view)


@pytest.mark.parametrize(
    ("mine", "behind"),
    [
        (OWN, "from numpy import *\n"),  # it may have an Own, too
        (OWN + "\n\n__all__ = ['other']\n", ""),
        ("from numpy import *\n", ""),
        ("def Own(size, bias):\n    return size\n", ""),
    ],
)
def test_a_star_that_may_bring_something_else(tmp_path: Path, mine: str, behind: str) -> None:
    (tmp_path / "mine.py").write_text(mine, encoding="utf-8")
    user = tmp_path / "user.py"
    text = STARRED.format("", behind)
    user.write_text(text, encoding="utf-8")
    view = Project(tmp_path, [tmp_path / "mine.py", user]).view(user)
    untouched(text, to="keras", codes=[], view=view)
