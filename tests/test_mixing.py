from __future__ import annotations

from pathlib import Path

import pytest

from kerasmigrate.findings import Finding, Severity
from kerasmigrate.mixing import FileFlavours, majority, mixes, survey
from kerasmigrate.project import Project


def look(folder: Path, **texts: str) -> list[FileFlavours]:
    """Write files and survey them."""
    files = {folder / f"{name}.py": text for name, text in texts.items()}
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    project = Project(folder, files)
    return [
        survey(text, project.view(path), path, path.relative_to(folder).as_posix())
        for path, text in files.items()
    ]


def found(folder: Path, **texts: str) -> list[tuple[str, int, str]]:
    return [
        (display, finding.line, finding.message)
        for display, finding in mixes(look(folder, **texts))
    ]


def flavours(folder: Path, text: str) -> set[frozenset[str]]:
    (file,) = look(folder, a=text)
    return {use.flavours for use in file.uses}


def test_seed_case_two_files_that_share_a_model(tmp_path: Path) -> None:
    files = look(
        tmp_path,
        create_model=(
            "from keras.models import Sequential\n\n\ndef create():\n    return Sequential()\n"
        ),
        extend_model=(
            "import tensorflow as tf\nfrom create_model import create\n\n"
            "model = create()\nmodel.add(tf.keras.layers.Dense(2))\n"
        ),
    )
    assert [
        (display, finding.code, finding.line, finding.column, finding.message, finding.severity)
        for display, finding in mixes(files)
    ] == [
        (
            "extend_model.py",
            "KM003",
            2,
            1,
            "'from create_model import create': this file uses tf.keras, but create_model.py uses"
            " keras",
            Severity.ERROR,
        )
    ]


def test_two_flavours_in_one_file(tmp_path: Path) -> None:
    assert mixes(
        look(
            tmp_path,
            a="from keras.layers import Dense\nfrom tensorflow.keras.models import Sequential\n",
        )
    ) == (
        (
            "a.py",
            Finding(
                "KM003",
                "'from tensorflow.keras.models import Sequential' is tf.keras, but this file also"
                " uses keras ('from keras.layers import Dense' in line 1)",
                2,
                1,
                advice="move the file to one flavour: kerasmigrate diff a.py",
            ),
        ),
    )


def test_the_private_copy_next_to_the_public_one(tmp_path: Path) -> None:
    text = "from tensorflow import keras\nfrom tensorflow.python.keras import backend as K\n"
    assert found(tmp_path, a=text) == [
        (
            "a.py",
            2,
            "'from tensorflow.python.keras import backend as K' is tensorflow.python.keras, but"
            " this file also uses tf.keras ('from tensorflow import keras' in line 1)",
        )
    ]


def test_each_further_flavour_is_reported_once(tmp_path: Path) -> None:
    text = (
        "import keras\nimport tf_keras\nimport tensorflow as tf\n"
        "tf_keras.Model\ntf.keras.Model\ntf.keras.Input\n"
    )
    assert [line for _, line, _ in found(tmp_path, a=text)] == [2, 5]


@pytest.mark.parametrize(
    "text",
    [
        "import keras\nfrom keras.layers import Dense\nDense(keras.backend.epsilon())\n",
        "import tensorflow as tf\nfrom tensorflow.keras import layers\ntf.keras.Model\n",
        "try:\n    import keras\nexcept ImportError:\n    from tensorflow import keras\n"
        "keras.Model\n",
        "import tensorflow as tf\ntry:\n    import keras\nexcept ImportError:\n"
        "    keras = tf.keras\nkeras.Model\n",
        "import os\nif os.environ.get('TF_KERAS'):\n    from tensorflow.keras.layers import Dense\n"
        "else:\n    from keras.layers import Dense\nDense(3)\n",
        "if A:\n    import keras\nelif B:\n    import tf_keras as keras\nelse:\n"
        "    from tensorflow import keras\nkeras.Model\n",
        "if A:\n    import tensorflow as tf\n    x = tf.keras.Model\nelse:\n    import keras\n"
        "    x = keras.Model\n",
        "try:\n    from keras.layers import Dense\nexcept ImportError:\n    Dense = None\n",
        "def keras(): pass\nimport tensorflow.keras\n",
        "import tensorflow as tf\ntf.nn.relu(keras)\n",
    ],
)
def test_no_mix(tmp_path: Path, text: str) -> None:
    assert found(tmp_path, a=text) == []


def test_a_guard_does_not_excuse_what_stands_outside(tmp_path: Path) -> None:
    text = (
        "try:\n    import keras\nexcept ImportError:\n    from tensorflow import keras\n"
        "import tf_keras\n"
    )
    assert found(tmp_path, a=text) == [
        (
            "a.py",
            5,
            "'import tf_keras' is tf_keras, but this file also uses keras or tf.keras"
            " ('import keras' in line 2)",
        )
    ]
    assert flavours(tmp_path, text) == {
        frozenset({"keras", "tf.keras"}),
        frozenset({"tf_keras"}),
    }


def test_a_file_that_fits_either_flavour_mixes_with_neither(tmp_path: Path) -> None:
    guarded = "try:\n    import keras\nexcept ImportError:\n    from tensorflow import keras\n"
    assert found(tmp_path, a=guarded, b="import a\nfrom tensorflow import keras\n") == []
    assert found(tmp_path, a=guarded, b="import a\nimport keras\n") == []
    assert [each[:2] for each in found(tmp_path, a=guarded, b="import a\nimport tf_keras\n")] == [
        ("b.py", 1)
    ]


def test_through_a_package_that_only_hands_on(tmp_path: Path) -> None:
    texts = {
        "zoo/__init__": "from .vgg import build\n",
        "zoo/vgg": "from keras.models import Model\n\n\ndef build():\n    return Model()\n",
        "main": "import tensorflow as tf\nfrom zoo import build\n\ntf.keras.Model\nbuild()\n",
    }
    assert found(tmp_path, **texts) == [
        (
            "main.py",
            2,
            "'from zoo import build': this file uses tf.keras, but zoo/vgg.py uses keras",
        )
    ]


def test_relative_imports_of_modules(tmp_path: Path) -> None:
    texts = {
        "p/__init__": "",
        "p/a": "import keras\n",
        "p/b": "import tf_keras\nfrom . import a\nfrom .a import something\n",
    }
    assert found(tmp_path, **texts) == [
        ("p/b.py", 2, "'from . import a': this file uses tf_keras, but p/a.py uses keras")
    ]


def test_one_who_brings_two_together(tmp_path: Path) -> None:
    texts = {"a": "import keras\n", "b": "import tf_keras\n", "c": "import os, a\nimport b\n"}
    (mixed,) = mixes(look(tmp_path, **texts))
    assert mixed[0] == "c.py"
    assert mixed[1].message == (
        "'import b': b.py uses tf_keras, but a.py, imported in line 1, uses keras"
    )
    assert (mixed[1].line, mixed[1].severity) == (2, Severity.WARNING)


def test_a_reexported_name_has_the_flavour_of_its_source(tmp_path: Path) -> None:
    texts = {
        "backend": "from tensorflow import keras\n",
        "model": "from backend import keras\n\nkeras.Model\n",
    }
    assert found(tmp_path, **texts) == []
    texts["model"] += "import tf_keras\n"
    assert [each[:2] for each in found(tmp_path, **texts)] == [("model.py", 4)]


def test_a_file_that_cannot_be_parsed_says_nothing(tmp_path: Path) -> None:
    assert look(tmp_path, a="import keras\nprint 1\n") == [FileFlavours(tmp_path / "a.py", "a.py")]


def test_majority(tmp_path: Path) -> None:
    texts = {
        "a": "import keras\nkeras.Model\n",
        "b": "import tensorflow as tf\ntf.keras.Model\ntf.keras.Input\nimport keras\n",
        "c": "from tensorflow.contrib.keras import layers\n",
        "d": "import os\n",
    }
    assert majority(look(tmp_path, **texts)) == ("tf.keras", 2, 3)
    assert majority(look(tmp_path, a="import keras\n", b="import tf_keras\n")) == ("keras", 1, 2)
    assert majority(look(tmp_path, d="import os\n")) is None
