"""What is known about values: of which Keras class they are."""

from __future__ import annotations

from pathlib import Path

import libcst as cst
import pytest

from kerasmigrate.names import Names
from kerasmigrate.project import Project
from kerasmigrate.values import MODEL, SEQUENTIAL, Values
from kerasmigrate.walking import walk

HEAD = (
    "from typing import Optional\nfrom keras.callbacks import Callback\n"
    "from keras.models import Model, Sequential, load_model\n\n"
)


class _Last(cst.CSTVisitor):
    """Finds the receiver of the last call of ``fit``."""

    def __init__(self) -> None:
        self.found: cst.BaseExpression | None = None

    def visit_Call(self, node: cst.Call) -> None:
        if isinstance(node.func, cst.Attribute) and node.func.attr.value == "fit":
            self.found = node.func.value


def receiver(text: str) -> str | None:
    """Return what is known about the object whose ``fit`` is called last."""
    module = cst.parse_module(HEAD + text)
    last = _Last()
    module.visit(last)
    assert last.found is not None
    return Values(Names(module, Project(Path()).view(None))).instance(last.found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("m = Sequential()\nm.fit()\n", SEQUENTIAL),
        ("m = None\nif a:\n    m = Sequential()\nm.fit()\n", SEQUENTIAL),
        ("m = Sequential()\ndel m\nm = Sequential()\nm.fit()\n", SEQUENTIAL),
        ("m = Sequential() if a else load_model(p)\nm.fit()\n", MODEL),
        ("m = Sequential()\nm = load_model(p)\nm.fit()\n", MODEL),
        ("m = Sequential.from_config(c)\nm.fit()\n", SEQUENTIAL),
        ("def f(m: Model):\n    m.fit()\n", MODEL),
        ("def f(m: Optional[Sequential] = None):\n    m.fit()\n", SEQUENTIAL),
        ("def f(m: Model | None = None):\n    m.fit()\n", MODEL),
        ("def f() -> Model:\n    return g()\n\n\nf().fit()\n", MODEL),
        ("def f():\n    return Sequential()\n\n\nf().fit()\n", SEQUENTIAL),
        (
            "class A:\n    def __init__(self):\n        self.m = None\n\n"
            "    def b(self):\n        self.m = Sequential()\n\n"
            "    def t(self):\n        self.m.fit()\n",
            SEQUENTIAL,
        ),
        (
            "class A:\n    def __init__(self):\n        self.m: Model = load_model(p)\n\n"
            "    def t(self):\n        self.m.fit()\n",
            MODEL,
        ),
        ("class A(Callback):\n    def f(self):\n        self.model.fit()\n", MODEL),
        ("def f(m):\n    m.fit()\n\n\nf(Sequential())\n", SEQUENTIAL),
        ("def f(a, m=None):\n    m.fit()\n\n\nf(1)\nf(2, m=load_model(p))\n", MODEL),
        ("def f(a, *, m):\n    m.fit()\n\n\nn = Sequential()\nf(1, m=n)\n", SEQUENTIAL),
        ("def f(m):\n    def g():\n        m.fit()\n\n\nf(Sequential())\n", SEQUENTIAL),
        # Nothing that is known about these.
        ("def f(m):\n    m.fit()\n\n\nf(Sequential())\nf(other())\n", None),
        ("def f(m):\n    m.fit()\n\n\nf(Sequential())\nmap(f, models)\n", None),
        ("def f(m):\n    m.fit()\n\n\nf(*models)\n", None),
        ("def f(*m):\n    m.fit()\n\n\nf(Sequential())\n", None),
        ("def f(m):\n    m.fit()\n    f(m)\n", None),
        ("def f(m):\n    m = other()\n    m.fit()\n\n\nf(Sequential())\n", None),
        ("@wrap\ndef f(m):\n    m.fit()\n\n\nf(Sequential())\n", None),
        ("class A:\n    def f(m):\n        m.fit()\n\n\nf(Sequential())\n", None),
        ("class A:\n    def f(self):\n        self.model.fit()\n", None),
        (
            "class A(Callback):\n    def __init__(self, m):\n        self.model = m\n\n"
            "    def f(self):\n        self.model.fit()\n",
            None,
        ),
        ("def f(m):\n    m.fit()\n", None),
        ("def f(m: int):\n    m.fit()\n", None),
        ("def f(m: Model | int):\n    m.fit()\n", None),
        ("m = None\nm.fit()\n", None),
        ("m = Sequential()\nm = other()\nm.fit()\n", None),
        ("m = Sequential() if a else other()\nm.fit()\n", None),
    ],
)
def test_receivers(text: str, expected: str | None) -> None:
    assert receiver(text) == expected


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ("keras.models.model_from_config(config)", "keras.models.Model"),
        ("keras.models.load_model('a.h5')", "keras.models.Model"),
        ("keras.applications.vgg16.VGG16()", "keras.models.Model"),
        ("keras.layers.Dense(3)", "keras.layers.Dense"),
        ("keras.layers.add([a, b])", None),
        ("other(3)", None),
    ],
)
@pytest.mark.parametrize("head", ["from build import made\n", "from build import *\n"])
def test_what_a_function_of_another_file_makes(
    head: str, made: str, expected: str | None, tmp_path: Path
) -> None:
    build, use = tmp_path / "build.py", tmp_path / "use.py"
    build.write_text(f"import keras\n\n\ndef made():\n    m = {made}\n    return m\n")
    module = cst.parse_module(f"{head}m = made()\n")
    use.write_text(module.code)
    values = Values(Names(module, Project(tmp_path, [build, use]).view(use)))
    assigned = next(each for each in walk(module) if isinstance(each, cst.Assign))
    assert values.instance(assigned.value) == expected
