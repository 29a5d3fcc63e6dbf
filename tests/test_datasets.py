"""KM269: the workers of a Sequence, and who tells it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from migrating import check, untouched

from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import Project

HEAD = (
    "from keras.models import Sequential\nfrom keras.utils import Sequence\n\n\n"
    "class Batches(Sequence):\n    pass\n\n\nmodel = Sequential()\n"
)
DATA = "data = Batches()\nother = Batches()\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("model.fit(data, workers=4)", "data.workers = 4\nmodel.fit(data)"),
        ("model.predict(data, workers=4)", "data.workers = 4\nmodel.predict(data)"),
        ("p = model.predict(data, workers=n)", "data.workers = n\np = model.predict(data)"),
        (
            "model.fit_generator(data, 5, workers=cpus() - 1, use_multiprocessing=True)",
            "data.workers = cpus() - 1\ndata.use_multiprocessing = True\n"
            "model.fit(data, steps_per_epoch=5)",
        ),
        (
            "model.fit(data, validation_data=other, workers=4)",
            "data.workers = other.workers = 4\nmodel.fit(data, validation_data=other)",
        ),
        (
            "model.fit(data, validation_data=(x, y), workers=4)",
            "data.workers = 4\nmodel.fit(data, validation_data=(x, y))",
        ),
        (
            "# four of them\nmodel.fit(data, workers=4)  # fast",
            "# four of them\ndata.workers = 4\nmodel.fit(data)  # fast",
        ),
        (
            "if x:\n    model.fit(x=data, workers=4)",
            "if x:\n    data.workers = 4\n    model.fit(x=data)",
        ),
    ],
)
def test_the_data_is_told(before: str, after: str) -> None:
    found = check(f"{HEAD}{DATA}{before}\n", f"{HEAD}{DATA}{after}\n", to="keras")
    assert "KM269" in [each.code for each in found]
    assert "KM225" not in [each.code for each in found]


def test_defaults_are_dropped() -> None:
    check(
        f"{HEAD}{DATA}model.fit(data, nb_epoch=5, nb_worker=4, max_q_size=10)\n",
        f"{HEAD}{DATA}data.workers = 4\nmodel.fit(data, epochs=5)\n",
        to="keras",
        codes=["KM221", "KM225", "KM269"],
    )
    check(
        f"{HEAD}{DATA}model.fit(data, workers=1)\n",
        f"{HEAD}{DATA}model.fit(data)\n",
        to="keras",
        codes=["KM225"],
    )


def test_an_attribute_of_self() -> None:
    code = (
        "from keras.models import Sequential\nfrom keras.utils import Sequence\n\n\n"
        "class Batches(Sequence):\n    pass\n\n\n"
        "class Trainer:\n    def __init__(self):\n        self.data = Batches()\n"
        "        self.model = Sequential()\n\n    def run(self):\n{}"
    )
    check(
        code.format("        return self.model.fit(self.data, workers=4)\n"),
        code.format("        self.data.workers = 4\n        return self.model.fit(self.data)\n"),
        to="keras",
        codes=["KM269"],
    )


@pytest.mark.parametrize(
    ("package", "made"),
    [
        ("image", "ImageDataGenerator().flow(x, y)"),
        ("image", "ImageDataGenerator(rescale=2).flow_from_directory('a')"),
        ("sequence", "TimeseriesGenerator(x, y, 3)"),
    ],
)
def test_data_of_keras(package: str, made: str) -> None:
    name = made.partition("(")[0]
    head = "from keras.models import Sequential\nfrom keras{}.preprocessing.{} import {}\n\n"
    code = "model = Sequential()\ndata = {}\n{}model.fit(data{})\n"
    check(
        head.format("", package, name) + code.format(made, "", ", workers=2"),
        head.format(".src.legacy", package, name) + code.format(made, "data.workers = 2\n", ""),
        to="keras",
        codes=["KM101", "KM260", "KM269"],
    )


def test_a_class_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "data.py").write_text(
        "import keras\n\n\nclass Batches(keras.utils.Sequence):\n    pass\n", encoding="utf-8"
    )
    head = "from keras.models import Sequential\nfrom data import Batches\n\n"
    before = f"{head}model = Sequential()\ndata = Batches()\nmodel.fit(data, workers=4)\n"
    after = before.replace("model.fit(data, workers=4)", "data.workers = 4\nmodel.fit(data)")
    (tmp_path / "train.py").write_text(before, encoding="utf-8")
    project = Project(tmp_path)
    check(before, after, to="keras", view=project.view(tmp_path / "train.py"))


@pytest.mark.parametrize(
    "code",
    [
        "model.fit(x, workers=4)",
        "model.fit(Batches(), workers=4)",
        "model.fit(data, validation_data=x, workers=4)",
        "print(model.fit(data, workers=4))",
        "runs = [model.fit(data, workers=n) for n in (1, 2)]",
        "if x: model.fit(data, workers=4)",
        "a = 1; model.fit(data, workers=4)",
        "data = x\nmodel.fit(data, workers=4)",
    ],
)
def test_what_is_not_certain_loses_them_as_before(code: str) -> None:
    result = Pipeline.to("keras").run(f"{HEAD}{DATA}{code}\n")
    assert ".workers = " not in result.text
    assert "workers=" not in result.text
    found = [each for each in result.findings if each.code == "KM225"]
    assert len(found) == 1 and "where the data is a PyDataset, write" in found[0].advice


def test_tf_keras_takes_them_in_the_call() -> None:
    code = f"{HEAD}{DATA}model.fit(data, workers=4)\n".replace("from keras", "from tf_keras")
    untouched(code, to="tf_keras", codes=[])


def test_another_rule_at_the_same_line_still_comes_through() -> None:
    code = (
        "from keras.layers import Dense\nfrom keras.models import Sequential\n"
        "from keras.utils import Sequence\n\n\nclass Batches(Sequence):\n    pass\n\n\n"
        "judge = Sequential([Dense(1, input_shape=(2,))])\njudge.compile('sgd', 'mse')\n"
        "judge.trainable = False\nboth = Sequential([Dense(2), judge])\n"
        "both.compile('sgd', 'mse')\ndata = Batches()\n{}"
    )
    check(
        code.format("judge.fit(data, workers=2)\nboth.fit(data)\n"),
        code.format(
            "data.workers = 2\njudge.trainable = True\njudge.fit(data)\n"
            "judge.trainable = False\nboth.fit(data)\n"
        ),
        to="keras",
    )


RUN = """
import threading
import numpy as np
from {0}.layers import Dense
from {0}.models import Sequential
from {0}.utils import Sequence


class Batches(Sequence):
    def __init__(self):
        super().__init__()
        self.threads = set()
        self.gate = threading.Barrier(3)

    def __len__(self):
        return 6

    def __getitem__(self, index):
        if threading.current_thread() is not threading.main_thread():
            self.gate.wait(60)  # opens when three threads stand here
            self.threads.add(threading.get_ident())
        return np.ones((4, 2)), np.ones((4, 1))


model = Sequential([Dense(1)])
model.compile("sgd", "mse")
data = Batches()
model.fit(data, epochs=1, workers=3, max_queue_size=6, verbose=0)
print("threads", len(data.threads))
"""


@pytest.mark.tensorflow
@pytest.mark.parametrize("to", ["tf_keras", "keras"])
def test_as_many_threads_read_the_data_as_before(to: str) -> None:
    code = Pipeline.to(to).run(RUN.format("keras")).text
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True)
    assert done.stdout == "threads 3\n", done.stderr
