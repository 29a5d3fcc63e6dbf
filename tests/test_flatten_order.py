"""KM641: Flatten of channels_first data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from migrating import check
from originals import run_original
from targets import ROOT, each_target

from kerasmigrate.findings import Severity
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import ModuleView, Project

SET = "K.set_image_dim_ordering('th')\n"
FIRST = "Dense(output_dim=3)\n"


def flattened(code: str, to: str, view: ModuleView | None = None) -> list[Any]:
    result = Pipeline.to(to).run(
        f"from keras import backend as K\nfrom keras.layers import Dense, Flatten\n{code}", view
    )
    assert result.failures == ()
    return [each for each in result.findings if each.code == "KM641"]


@each_target
def test_the_order_is_kept(to: str) -> None:
    package = ROOT[to][1]
    check(
        "from keras import backend\nfrom keras.layers.core import Dense, Flatten\n"
        "from keras.models import Sequential\n\nbackend.set_image_dim_ordering('th')\n"
        "model = Sequential()\nmodel.add(Flatten())\nDense(output_dim=3)\n"
        "Flatten(\n    name='flat',  # all\n)\n"
        "Flatten(input_shape=(3, 4, 4))(x)\n",
        f"from {package} import backend\nfrom {package}.layers import Dense, Flatten\n"
        f"from {package}.models import Sequential\n\n"
        "backend.set_image_data_format('channels_first')\n"
        "model = Sequential()\nmodel.add(Flatten(data_format='channels_last'))\n"
        "Dense(units=3)\n"
        "Flatten(\n    name='flat',  # all\n    data_format='channels_last',\n)\n"
        "Flatten(input_shape=(3, 4, 4), data_format='channels_last')(x)\n",
        to=to,
    )


@each_target
@pytest.mark.parametrize(
    "code",
    [
        f"{FIRST}{SET}Flatten()\n",
        f"{FIRST}K.set_image_dim_ordering(order)\nFlatten()\n",
        f"{FIRST}shape = (3, 4) if K.image_dim_ordering() == 'th' else (4, 3)\nFlatten()\n",
    ],
)
def test_what_may_make_images_channels_first(code: str, to: str) -> None:
    (one,) = flattened(code, to)
    assert one.fixed


def test_another_file_of_the_program(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        "import net\nfrom keras import backend as K\nK.set_image_dim_ordering('th')\n",
        encoding="utf-8",
    )
    (tmp_path / "other.py").write_text(
        "from keras import backend as K\nK.set_image_dim_ordering('th')\n", encoding="utf-8"
    )
    for name in ("net", "alone"):
        (tmp_path / f"{name}.py").write_text("from keras.layers import Flatten\n", "utf-8")
    project = Project(tmp_path, sorted(tmp_path.glob("*.py")))
    code = f"{FIRST}Flatten()\n"
    assert len(flattened(code, "keras", project.view(tmp_path / "net.py"))) == 1
    assert flattened(code, "keras", project.view(tmp_path / "alone.py")) == []


@each_target
def test_where_the_version_is_not_known(to: str, tmp_path: Path) -> None:
    code = "K.set_image_data_format('channels_first')\nFlatten()\n"
    (one,) = flattened("Dense(units=3)\nDense(output_dim=3)\n" + code, to)
    assert (one.fixed, one.severity) == (False, Severity.INFO)
    (one,) = flattened(f"{FIRST}{SET}Flatten(**options)\n", to)
    assert not one.fixed
    for version, count in (("2.0.8", 1), ("2.1.6", 1), ("2.2.4", 0), ("2.3.1", 0)):
        (tmp_path / "requirements.txt").write_text(f"keras=={version}\n", encoding="utf-8")
        folder = tmp_path / version
        folder.mkdir()
        (folder / "requirements.txt").write_text(f"keras=={version}\n", encoding="utf-8")
        found = flattened(code, to, Project(folder, ()).view(folder / "a.py"))
        assert len(found) == count, version
        assert all(each.fixed == (version == "2.0.8") for each in found)


@each_target
@pytest.mark.parametrize(
    "code",
    [
        f"{FIRST}Flatten()\n",
        f"{FIRST}K.set_image_dim_ordering('tf')\nFlatten()\n",
        f"{SET}Dense(units=3)\nFlatten(data_format='channels_first')\n",
        f"{FIRST}{SET}Flatten(*args)\n",
        f"{FIRST}from keras.layers import Convolution2D\n"
        "Convolution2D(3, 3, 3, dim_ordering='th')\nFlatten()\n",
        f"{FIRST}{SET}from mine import Flatten\nFlatten()\n",
        "K.set_image_data_format('channels_first')\nFlatten()\n",
        "Dense(units=3)\nDense(output_dim=3)\nK.image_data_format()\nFlatten()\n",
        f"{FIRST}{SET}f = Flatten\n",
    ],
)
def test_what_stays(code: str, to: str) -> None:
    assert flattened(code, to) == []


OLD = """
from keras import backend as K
from keras.layers import Dense, Flatten
from keras.models import Sequential

{set}
model = Sequential()
model.add(Flatten(input_shape=(2, 2, 3)))
model.add(Dense({units}=1, {init}="one"))
results["out"] = Sequential([Flatten(input_shape=(2, 2, 3))]).predict(data).ravel().tolist()
"""
FIRST_SET = "K.set_image_dim_ordering('th')"
SECOND_SET = "K.set_image_data_format('channels_first')"


@pytest.mark.pypi
@pytest.mark.tensorflow
def test_the_numbers(tmp_path: Path) -> None:
    import keras
    import tf_keras

    data = np.arange(12, dtype="float32").reshape(1, 2, 2, 3)
    moved = [0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11]
    for version, wanted in (
        ("1.2.2", list(range(12))),
        ("2.0.9", list(range(12))),
        ("2.2.4", moved),
        ("2.3.1", moved),
    ):
        first = version.startswith("1")
        words = ("output_dim", "init") if first else ("units", "kernel_initializer")
        code = OLD.format(set=FIRST_SET if first else SECOND_SET, units=words[0], init=words[1])
        assert run_original(version, code, data=data)["out"] == wanted
        folder = tmp_path / version
        folder.mkdir()
        (folder / "requirements.txt").write_text(f"keras=={version}\n", encoding="utf-8")
        for to in ("keras", "tf_keras"):
            text = Pipeline.to(to).run(code, Project(folder, ()).view(folder / "a.py")).text
            outs = []
            for each in (
                text,
                text.replace(", data_format='channels_last'", "").replace(
                    ', data_format="channels_last"', ""
                ),
            ):
                space: dict[str, Any] = {"results": {}, "data": data}
                try:
                    exec(each, space)
                finally:
                    keras.backend.set_image_data_format("channels_last")
                    tf_keras.backend.set_image_data_format("channels_last")
                outs.append(space["results"]["out"])
            assert outs == [wanted, moved]
