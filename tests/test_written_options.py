"""Options of Keras that a constructor writes before it hands them on (KM201, KM204)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from migrating import check, untouched

from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import Project

CLASS = """from keras.layers import Dense


class Own(Dense):
    def __init__(self, size, **kwargs):
        {}
        super(Own, self).__init__(size, **kwargs)
"""


@pytest.mark.parametrize("to", ["keras", "tf_keras"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("kwargs['init'] = 'zero'", "kwargs['kernel_initializer'] = 'zero'"),
        ("kwargs['init'] = first", "kwargs['kernel_initializer'] = first"),
        ('kwargs["bias"] = False', 'kwargs["use_bias"] = False'),
        (
            "kwargs.setdefault('W_regularizer', 'l2')",
            "kwargs.setdefault('kernel_regularizer', 'l2')",
        ),
        (
            "kwargs['init'] = kwargs.get('init') or 'zero'",
            "kwargs['kernel_initializer'] = kwargs.get('kernel_initializer') or 'zero'",
        ),
        ("self.b = kwargs.get('bias', True)", "self.b = kwargs.get('use_bias', True)"),
        (
            "kwargs['init'] = kwargs.pop('init')",
            "kwargs['kernel_initializer'] = kwargs.pop('init')",
        ),
        (
            "kwargs['init'] = kwargs.pop('start')",
            "kwargs['kernel_initializer'] = kwargs.pop('start')",
        ),
        ("self.a = kwargs['a'] = kwargs['bias']", "self.a = kwargs['a'] = kwargs['use_bias']"),
    ],
)
def test_a_key_gets_the_name_of_today(before: str, after: str, to: str) -> None:
    check(
        CLASS.format(before),
        CLASS.format(after).replace("from keras", f"from {to}"),
        to=to,
        codes=["KM201"] if to == "keras" else ["KM101", "KM201"],
    )


def test_calls_follow_the_constructor() -> None:
    before = CLASS.format("if 'init' not in kwargs:\n            kwargs['init'] = 'zero'")
    check(
        before + "\n\nOwn(4)\nOwn(4, init='one')\n",
        before.replace("'init'", "'kernel_initializer'")
        + "\n\nOwn(4)\nOwn(4, kernel_initializer='one')\n",
        to="keras",
        codes=["KM201", "KM201"],
    )


def test_calls_of_another_file_follow(tmp_path: Path) -> None:
    mine, user = tmp_path / "mine.py", tmp_path / "user.py"
    mine.write_text(CLASS.format("kwargs.setdefault('init', 'zero')"), encoding="utf-8")
    code = "import keras\nfrom mine import Own\n\nkeras.Input(Own(4, init='one'))\n"
    user.write_text(code, encoding="utf-8")
    view = Project(tmp_path, [mine, user]).view(user)
    check(code, code.replace("init=", "kernel_initializer="), to="keras", view=view)


def test_what_a_constructor_takes_out_is_its_own() -> None:
    code = CLASS.format("kwargs['init'] = kwargs.pop('init')") + "\n\nOwn(4, init='one')\n"
    after = code.replace("kwargs['init']", "kwargs['kernel_initializer']")
    check(code, after, to="keras", codes=["KM201"])
    gone = CLASS.format("del kwargs['init']") + "\n\nOwn(4, init='one')\n"
    untouched(gone, to="keras", codes=[])


@pytest.mark.parametrize(
    ("value", "new"),
    [
        ("'th'", "'channels_first'"),
        ("'tf'", "'channels_last'"),
        ("'th' if first else 'tf'", "'channels_first' if first else 'channels_last'"),
    ],
)
def test_values_change_with_their_key(value: str, new: str) -> None:
    code = CLASS.replace("Dense", "Conv2D").replace("(size,", "(size, (3, 3),")
    check(
        code.format(f"kwargs['dim_ordering'] = {value}"),
        code.format(f"kwargs['data_format'] = {new}"),
        to="keras",
        codes=["KM201"],
    )


def test_through_a_class_of_the_code() -> None:
    code = (
        "from keras.layers import Dense\n\n\nclass Base(Dense):\n    pass\n\n\n"
        "class Own(Base):\n    def __init__(self, **kwargs):\n        kwargs['{}'] = False\n"
        "        super().__init__(3, **kwargs)\n"
    )
    check(code.format("bias"), code.format("use_bias"), to="keras", codes=["KM201"])


def test_the_class_named_for_its_constructor() -> None:
    code = CLASS.replace("super(Own, self).__init__(", "Dense.__init__(self, ")
    check(
        code.format("kwargs['bias'] = False"),
        code.format("kwargs['use_bias'] = False"),
        to="keras",
        codes=["KM201"],
    )


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (
            "look(kwargs)\n        kwargs['init'] = 1",
            "the options are used for something else, too",
        ),
        ("kwargs.update(init='zero')", "it is not written as a key of its own"),
        ("kwargs.update({'init': 'zero'})", "it is not written as a key of its own"),
        (
            "kwargs['kernel_initializer'] = kwargs['init'] = 1",
            "kernel_initializer is given as well",
        ),
    ],
)
def test_what_cannot_be_changed_is_reported(code: str, reason: str) -> None:
    found = untouched(CLASS.format(code), to="keras", codes=["KM204"])
    assert found[0].message == (f"Dense: the option 'init' is of Keras 1; not converted: {reason}")
    assert found[0].advice == "hand on kernel_initializer instead"
    assert found[0].line >= 6


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("kwargs['dim_ordering'] = order", "the source does not show its value"),
        ("self.first = kwargs['dim_ordering'] == 'th'", "its values are called differently, too"),
        ("kwargs['nb_row'] = 3", "it has no argument of that kind"),
    ],
)
def test_values_and_sizes_out_of_sight(line: str, reason: str) -> None:
    code = CLASS.replace("Dense", "Conv2D").replace("(size,", "(size, (3, 3),").format(line)
    found = [each for each in untouched(code, to="keras") if each.line == 6]
    assert [each.code for each in found] == ["KM204"]
    assert found[0].message.endswith(f"not converted: {reason}")


@pytest.mark.parametrize(
    "line",
    [
        "kwargs['name'] = 'a'",
        "kwargs['kernel_initializer'] = 'zeros'",
        "kwargs['input_shape'] = (kwargs.pop('input_dim'),)",
        "kwargs['mine'] = 1",
        "other['init'] = 'zero'",
        "kwargs[init] = 'zero'",
        "self.first = kwargs.pop('init')",
        "other.update(init='zero')",
    ],
)
def test_other_keys_stay(line: str) -> None:
    untouched(CLASS.format(line), to="keras", codes=[])


@pytest.mark.parametrize(
    "code",
    [
        "class Own(dict):\n    def __init__(self, **kwargs):\n        kwargs['init'] = 1\n"
        "        super().__init__(**kwargs)\n",
        "def make(**kwargs):\n    kwargs['init'] = 1\n    return kwargs\n",
        CLASS.replace("from keras.layers", "from mine").format("kwargs['init'] = 1"),
        CLASS.replace("__init__(self", "build(self").format("kwargs['init'] = 1"),
        CLASS.replace(", **kwargs)\n", ")\n")
        .format("kwargs['init'] = 1")
        .replace("size):", "size, **kwargs):"),
    ],
)
def test_other_constructors_stay(code: str) -> None:
    untouched(f"import keras\n{code}", to="keras")


@pytest.mark.tensorflow
@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_the_written_options_reach_the_layer(to: str) -> None:
    code = CLASS.format("kwargs.setdefault('init', 'one')\n        kwargs['bias'] = False")
    code += "\n\nfor layer in (Own(2), Own(2, init='zero')):\n    layer.build((None, 1))\n"
    code += "    print([each.tolist() for each in layer.get_weights()])\n"
    code = Pipeline.to(to).run(code).text
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True)
    assert done.stdout == "[[[1.0, 1.0]]]\n[[[0.0, 0.0]]]\n", code + done.stderr
