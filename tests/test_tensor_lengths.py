from __future__ import annotations

import pytest
from migrating import check, untouched

HEAD = "from keras.models import Model\n\n"
AFTER = "from tf_keras.models import Model\n\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "def several(model: Model):\n"
            "    return hasattr(model.output, '__len__') and len(model.output) > 1\n",
            "def several(model: Model):\n"
            "    return isinstance(model.output, (list, tuple)) and len(model.output) > 1\n",
        ),
        (
            "class Agent(Model):\n"
            "    def check(self, critic):\n"
            '        if not hasattr(critic.input, "__len__") or len(critic.input) < 2:\n'
            "            raise ValueError(critic)\n",
            "class Agent(Model):\n"
            "    def check(self, critic):\n"
            "        if not isinstance(critic.input, (list, tuple)) or len(critic.input) < 2:\n"
            "            raise ValueError(critic)\n",
        ),
        (
            "m: Model = make()\nx = (hasattr(  # two?\n    m.output,\n    '__len__',\n)"
            " and len(m.output) == 2 and ready)\n",
            "m: Model = make()\nx = (isinstance(  # two?\n    m.output,\n    (list, tuple),\n)"
            " and len(m.output) == 2 and ready)\n",
        ),
    ],
)
def test_a_list_is_asked_for(before: str, after: str) -> None:
    findings = check(HEAD + before, AFTER + after, to="tf_keras")
    assert [each.code for each in findings] == ["KM101", "KM406"]
    untouched(HEAD + before, to="keras", codes=())


@pytest.mark.parametrize(
    "code",
    [
        "x: Model = hasattr(model.output, '__len__')\n",
        "x: Model = hasattr(model.output, 'shape') and len(model.output) > 1\n",
        "x: Model = hasattr(data.items, '__len__') and len(data.items) > 1\n",
        "x: Model = hasattr(model.output, '__len__') and len(model.input) > 1\n",
        "x: Model = hasattr(model.output, '__len__') and len(model.output)\n",
        "x: Model = hasattr(*args) and len(model.output) > 1\n",
        "x: Model = hasattr(model.output, name) and len(model.output) > 1\n",
        "def isinstance(a, b): ...\n\n\n"
        "x: Model = hasattr(model.output, '__len__') and len(model.output) > 1\n",
        "x: Model = isinstance(model.output, (list, tuple)) and len(model.output) > 1\n",
    ],
)
def test_other_questions_stay(code: str) -> None:
    check(HEAD + code, AFTER + code, to="tf_keras", codes=["KM101"])


@pytest.mark.tensorflow
def test_the_question_has_its_old_answers() -> None:
    from tf_keras.layers import Dense, Input
    from tf_keras.models import Model

    a = Input((3,))
    answers = []
    for outputs in (Dense(2)(a), [Dense(2)(a)], [Dense(2)(a), Dense(4)(a)]):
        model = Model(a, outputs)
        answers.append(isinstance(model.output, (list, tuple)) and len(model.output) > 1)
    assert answers == [False, False, True]
    assert hasattr(a, "__len__")
    with pytest.raises(TypeError, match="symbolic inputs/outputs do not implement `__len__`"):
        len(a)
