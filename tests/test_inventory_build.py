from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kerasmigrate.inventory import DATA, Inventory, build

SOURCES = {
    "keras/__init__.py": """
        from __future__ import absolute_import
        from . import layers
        __version__ = '0.9'
    """,
    "keras/backend/__init__.py": """
        import os
        if os.environ.get('X') == 'theano':
            from .theano_backend import *
        else:
            from .tensorflow_backend import *
    """,
    "keras/backend/theano_backend.py": "def dot(x, y, theano): pass\ndef scan(f): pass\n",
    "keras/backend/tensorflow_backend.py": "def dot(x, y): pass\ndef _hidden(): pass\n",
    "keras/engine/__init__.py": "from .topology import Layer\n",
    "keras/engine/topology.py": """
        from .. import backend as K
        from ..layers import core

        class Layer(object):
            def __init__(self, **kwargs):
                allowed_kwargs = {'name', 'trainable'}
                for kwarg in kwargs:
                    if kwarg not in allowed_kwargs:
                        raise TypeError('Keyword argument not understood:', kwarg)

            @property
            def weights(self):
                return []

            def call(self, x, mask=None):
                return x

            @classmethod
            def from_config(cls, config):
                return cls(**config)

            @staticmethod
            def free(x):
                return x
    """,
    "keras/layers/__init__.py": """
        try:
            from ..engine import Layer
        except ImportError:
            from missing import Layer
        from .core import *
    """,
    "keras/layers/core.py": """
        import numpy as np
        from .. import backend as K
        from ..engine import Layer
        from ..legacy import interfaces

        __all__ = ['Dense', 'Conv', 'dense', 'LIMIT']
        LIMIT = 3

        class Dense(Layer):
            @interfaces.legacy
            def __init__(self, units, activation=None, **kwargs):
                if 'input_dim' in kwargs:
                    kwargs['input_shape'] = (kwargs.pop('input_dim'),)
                super(Dense, self).__init__(**kwargs)

        class Conv(Dense):
            def __init__(self, filters, size, **kwargs):
                super(Conv, self).__init__(filters, activation=size, **kwargs)

        class Open(Layer):
            def __init__(self, *args, **kwargs):
                self.kwargs = kwargs

        def dense(x, **kwargs):
            return Dense(3, **kwargs)(x)

        Convolution = Conv
    """,
    "keras/legacy/__init__.py": "",
    "keras/legacy/interfaces.py": "legacy = len\n",
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Inventory:
    folder = tmp_path_factory.mktemp("source")
    for name, text in SOURCES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = text.strip("\n").splitlines()
        indent = len(lines[0]) - len(lines[0].lstrip()) if lines else 0
        path.write_text("".join(f"{line[indent:]}\n" for line in lines), encoding="utf-8")
    arguments = ["build", "keras-1.2.2", "--from-source", str(folder), "--version", "0.9"]
    assert build.main([*arguments, "--output", str(folder)]) == 0
    return Inventory(json.loads((folder / "keras-1.2.2.json").read_text(encoding="utf-8")))


def test_header(small: Inventory) -> None:
    assert (small.name, small.version, small.how) == (
        "keras-1.2.2",
        "0.9",
        "static analysis of the sources of Keras 0.9",
    )


@pytest.mark.parametrize(
    ("path", "signature"),
    [
        ("keras.layers.Layer", "(*, name=..., trainable=...)"),
        (
            "keras.layers.Dense",
            "(units, activation=None, *, input_dim=..., name=..., trainable=...)",
        ),
        ("keras.layers.Conv", "(filters, size, *, input_dim=..., name=..., trainable=...)"),
        (
            "keras.layers.core.Convolution",
            "(filters, size, *, input_dim=..., name=..., trainable=...)",
        ),
        ("keras.layers.core.Open", "(*args, **kwargs)"),
        ("keras.layers.dense", "(x, *, activation=None, input_dim=..., name=..., trainable=...)"),
        ("keras.backend.dot", "(x, y)"),
        ("keras.layers.core.K.dot", "None"),
        ("keras.layers.LIMIT", "None"),
    ],
)
def test_signatures_follow_the_keyword_arguments(
    small: Inventory, path: str, signature: str
) -> None:
    assert str(small.signature(path)) == signature


def test_methods_and_bases(small: Inventory) -> None:
    assert str(small.method("keras.layers.Conv", "call")) == "(x, mask=None)"
    assert str(small.method("keras.layers.Conv", "from_config")) == "(config)"
    assert str(small.method("keras.layers.Conv", "free")) == "(x)"
    assert small.methods("keras.layers.Conv") == ("call", "free", "from_config")
    assert small.is_subclass("keras.layers.Conv", "keras.engine.topology.Layer")


def test_star_imports_and_circular_imports(small: Inventory) -> None:
    assert small.members("keras.layers.core") == ("Conv", "Dense", "LIMIT", "dense")
    assert small.members("keras.layers") == ("Conv", "Dense", "LIMIT", "Layer", "core", "dense")
    assert small.members("keras.backend") == ("dot", "os", "tensorflow_backend")
    assert small.same_object("keras.engine.topology.core.Dense", "keras.layers.Dense") is False
    assert small.object_id("keras.engine.topology.core") == "keras.layers.core"
    assert small.kind("keras.layers.core.np") == "foreign"
    assert small.kind("keras.layers.core.K") == "module"
    assert small.kind("keras.backend.scan") is None


def test_an_empty_folder_is_a_one_line_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["build", "keras-1.2.2", "--from-source", str(tmp_path), "--version", "1.2.2"]
    assert build.main(arguments) == 2
    message = f"error: no keras/__init__.py in {tmp_path}: give the unpacked source\n"
    assert capsys.readouterr().err == message


def test_a_source_needs_a_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build.main(["build", "keras-1.2.2", "--from-source", str(tmp_path)]) == 2
    message = "error: --from-source needs --version, for example 2.3.1\n"
    assert capsys.readouterr().err == message


def test_an_update_makes_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[list[str]] = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        made.append(command[3:])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    assert build.main(["update"]) == 0
    assert made == [
        ["build", "keras-3", "--from-package", "keras"],
        ["build", "tf.keras-3", "--from-package", "keras._tf_keras.keras"],
        ["build", "tf_keras-2", "--from-package", "tf_keras"],
        [
            "build",
            "tensorflow.python.keras",
            "--from-package",
            "tensorflow.python.keras",
            "--deep",
        ],
        ["homes"],
    ]


def test_an_update_stops_at_what_cannot_be_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "Traceback\nImportError: no keras\n")

    monkeypatch.setattr(subprocess, "run", run)
    assert build.main(["update"]) == 2
    assert capsys.readouterr().err == "error: keras-3 could not be made: ImportError: no keras\n"


@pytest.mark.tensorflow
def test_a_rebuild_of_the_installed_package_changes_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kerasmigrate.inventory", "build", "tf_keras-2"]
    command += ["--from-package", "tf_keras", "--output", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    built = (tmp_path / "tf_keras-2.json").read_text(encoding="utf-8")
    shipped = (DATA / "tf_keras-2.json").read_text(encoding="utf-8")
    if json.loads(built)["version"] != json.loads(shipped)["version"]:
        pytest.skip("another version of tf_keras is installed than the inventory describes")
    assert built == shipped
