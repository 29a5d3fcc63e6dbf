"""KM510: set_learning_phase(0) in files that only predict."""

from __future__ import annotations

from pathlib import Path

import pytest
from migrating import check, untouched
from targets import ROOT

from kerasmigrate.project import Project
from kerasmigrate.transform import Settings

KERAS_3 = pytest.mark.parametrize("to", ["keras", "tf.keras"])
HEAD = "from {0} import backend as K\nfrom {0}.models import load_model\n\n"
LOADED = "from {0}.models import load_model\n\n"
BODY = "model = load_model('m.keras')\nprint(model.predict(x))\n"


@KERAS_3
@pytest.mark.parametrize("phase", ["0", "False", "value=0"])
def test_phase_0_is_dropped_where_nothing_is_trained(phase: str, to: str) -> None:
    root = ROOT[to][1]
    (finding,) = check(
        HEAD.format(root) + f"K.set_learning_phase({phase})\n" + BODY,
        LOADED.format(root) + BODY,
        to=to,
        codes=["KM510"],
    )
    assert finding.message == "set_learning_phase(0) is the default, and this file trains nothing"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "def load():\n    model = load_model('m.keras')\n    K.set_learning_phase(0)\n"
            "    return model\n",
            "def load():\n    model = load_model('m.keras')\n    return model\n",
        ),
        (
            "if __name__ == '__main__':\n    K.set_learning_phase(0)  # test\n    print(1)\n",
            "if __name__ == '__main__':\n    print(1)\n",
        ),
        (
            "class A:\n    trainable = False\n\n    def call(self, x, training=None):\n"
            "        K.set_learning_phase(0)\n        return x\n",
            "class A:\n    trainable = False\n\n    def call(self, x, training=None):\n"
            "        return x\n",
        ),
    ],
)
def test_where_it_stands(before: str, after: str) -> None:
    keep = "load_model('pretrained.keras')\n"
    check(HEAD.format("keras") + keep + before, LOADED.format("keras") + keep + after, to="keras")


def test_the_backend_stays_for_what_else_is_used() -> None:
    check(
        "from keras import backend as K\n\nK.set_learning_phase(0)\nK.clear_session()\n",
        "from keras import backend as K\n\nK.clear_session()\n",
        to="keras",
        codes=["KM510"],
    )


@KERAS_3
@pytest.mark.parametrize(
    "lines",
    [
        "K.set_learning_phase(1)\n",
        "K.set_learning_phase(True)\n",
        "K.set_learning_phase(phase)\n",
        "K.set_learning_phase(*phases)\n",
        "K.set_learning_phase(0)\nmodel.fit(x, y)\n",
        "K.set_learning_phase(0)\nmodel.train_on_batch(x, y)\n",
        "K.set_learning_phase(0)\nfrom mine import train_model\n",
        "K.set_learning_phase(0)\nmine.runTraining()\n",
        "K.set_learning_phase(0)\nTrainer(model)\n",
        "if test:\n    K.set_learning_phase(0)\n",
        "a = K.set_learning_phase(0)\n",
        "K.set_learning_phase(0); b = 1\n",
        "# No dropout.\nK.set_learning_phase(0)\n",
    ],
)
def test_other_phases_are_reported(lines: str, to: str) -> None:
    code = f"from {ROOT[to][1]} import backend as K\n\n{lines}a = 1\n"
    untouched(code, to=to, codes=["KM503"])


def test_blank_lines_and_comments_around_it_stay() -> None:
    head = "from keras import backend as K\n\n"
    for before, after in (
        ("\nK.set_learning_phase(0)\n# Ready.\nprint(1)\n", "\n# Ready.\nprint(1)\n"),
        ("K.set_learning_phase(0)\n\n# Ready.\nprint(1)\n", "\n# Ready.\nprint(1)\n"),
        ("K.set_learning_phase(0)\nif a:\n    print(1)\n", "if a:\n    print(1)\n"),
    ):
        check(f"{head}K.epsilon()\n{before}", f"{head}K.epsilon()\n{after}", to="keras")


def test_a_question_for_the_phase_keeps_it() -> None:
    untouched(
        "from keras import backend as K\n\nK.set_learning_phase(0)\nprint(K.learning_phase())\n",
        to="keras",
        codes=["KM503", "KM505"],
    )


@pytest.mark.parametrize("line", ["mine.set_learning_phase(0)\n", "K = 1\nset_learning_phase(0)\n"])
def test_other_functions_stay(line: str) -> None:
    untouched(f"import keras\n\n{line}keras.backend.epsilon()\n", to="keras", codes=[])


def test_keras_2_has_it() -> None:
    code = "from tf_keras import backend as K\n\nK.set_learning_phase(0)\na = 1\n"
    untouched(code, to="tf_keras", codes=[])


def test_without_the_rule_the_function_is_reported() -> None:
    code = "from keras import backend as K\n\nK.set_learning_phase(0)\na = 1\n"
    untouched(code, to="keras", codes=["KM503"], settings=Settings(ignore=frozenset({"KM510"})))


NET = (
    "from keras import backend as K\n\n\ndef build():\n    K.set_learning_phase(0)\n"
    "    return K.epsilon()\n\n\n"
)
MAIN = "if __name__ == '__main__':\n    K.set_learning_phase(0)\n    build()\n"


def test_a_file_that_others_import_may_be_a_part_of_training(tmp_path: Path) -> None:
    net, user = tmp_path / "net.py", tmp_path / "user.py"
    net.write_text(NET)
    user.write_text("import net\n\nnet.build()\n")
    view = Project(tmp_path, (net, user)).view(net)
    untouched(NET, to="keras", codes=["KM503"], view=view)
    view = Project(tmp_path, (net,)).view(net)
    check(NET, NET.replace("    K.set_learning_phase(0)\n", ""), to="keras", view=view)


def test_the_main_part_of_such_a_file_is_a_program(tmp_path: Path) -> None:
    code = NET.replace("    K.set_learning_phase(0)\n", "") + MAIN
    net, user = tmp_path / "net.py", tmp_path / "user.py"
    net.write_text(code)
    user.write_text("import net\n\nnet.build()\n")
    view = Project(tmp_path, (net, user)).view(net)
    check(code, code.replace("    K.set_learning_phase(0)\n", ""), to="keras", view=view)
    other = code.replace(MAIN, MAIN.replace("==", "!="))
    untouched(other, to="keras", codes=["KM503"], view=view)
    other = code + "else:\n    K.set_learning_phase(0)\n    build()\n"
    check(
        other,
        other.replace(MAIN, MAIN.replace("    K.set_learning_phase(0)\n", "")),
        to="keras",
        codes=["KM510", "KM503"],
        view=view,
    )
