"""KM720 to KM724: callbacks of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from migrating import check, untouched
from targets import each_target

from kerasmigrate.project import Project

HEAD = {
    "keras": "from keras import callbacks, models\n\n\n",
    "tf.keras": "from tensorflow.keras import callbacks, models\n\n\n",
    "tf_keras": "from tf_keras import callbacks, models\n\n\n",
}
KERAS_3 = pytest.mark.parametrize("to", ["keras", "tf.keras"])


def method(name: str, params: str, body: str, base: str = "callbacks.Callback") -> str:
    return f"class C({base}):\n    def {name}(self, {params}):\n        {body}\n"


def changes(before: str, after: str, *codes: str, to: str = "keras") -> None:
    check(HEAD[to] + before, HEAD[to] + after, to=to, codes=codes)


def stays(code: str, *codes: str, to: str = "keras") -> None:
    untouched(HEAD[to] + code, to=to, codes=codes)


@each_target
def test_the_logs_of_a_batch_are_called_logs(to: str) -> None:
    changes(
        method("on_batch_end", "batch, l={}", "self.losses.append(l.get('loss'))  # of l"),
        method("on_batch_end", "batch, logs={}", "self.losses.append(logs.get('loss'))  # of l"),
        "KM720",
        to=to,
    )


@KERAS_3
@pytest.mark.parametrize("name", ["on_train_batch_end", "on_test_batch_begin", "on_batch_begin"])
def test_keras_3_names_the_logs_of_every_batch(name: str, to: str) -> None:
    changes(method(name, "b, l", "pass"), method(name, "b, logs", "pass"), "KM720", to=to)


def test_keras_2_names_them_in_two_methods_only() -> None:
    stays(method("on_train_batch_end", "b, l", "pass"), to="tf_keras")


def test_all_uses_of_the_parameter_follow() -> None:
    body = (
        "l = l or {{}}\n        def f():\n            return {0}['loss'], other.l, dict(l=1)\n"
        "        self.show(*{0}, f'{{{0}}}', [l for l in x], l={0})"
    )
    before = body.replace("l = l or", "{0} = {0} or").format("l").replace("{{}}", "{}")
    after = body.replace("l = l or", "{0} = {0} or").format("logs").replace("{{}}", "{}")
    changes(
        method("on_batch_end", "b, l", before), method("on_batch_end", "b, logs", after), "KM720"
    )


def test_a_lambda_for_batches_follows() -> None:
    changes(
        "c = callbacks.LambdaCallback(on_train_batch_end=lambda b, l: print(b, l))\n",
        "c = callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: print(b, logs))\n",
        "KM720",
    )


@pytest.mark.parametrize(
    "code",
    [
        method("on_batch_end", "batch, logs=None", "print(logs)"),
        method("on_batch_end", "b, logs", "print(logs)"),
        method("on_epoch_end", "e, l=None", "print(l)"),
        method("on_train_begin", "l", "print(l)"),
        method("on_batch_end", "*args", "print(args)"),
        method("on_batch_end", "b, **kwargs", "print(kwargs)"),
        method("on_batch_end", "b, l, logs=None", "print(l)"),
        method("on_batch_end", "b", "print(b)"),
        method("on_batch_end", "b, l", "print(l)", base="object"),
        method("on_batch_end", "b, l", "print(l)", base="mine.Callback"),
        method("on_data", "b, l", "print(l)"),
        "c = callbacks.LambdaCallback(on_epoch_end=lambda e, l: print(l))\n",
        "c = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: 1)\n",
        "c = Mine(on_train_batch_end=lambda b, l: 1)\n",
    ],
)
@each_target
def test_other_parameters_stay(code: str, to: str) -> None:
    stays(code, to=to)


@pytest.mark.parametrize("body", ["logs = l", "print(logs, l)", "f = lambda logs: l"])
def test_a_name_that_is_taken_is_reported(body: str) -> None:
    stays(method("on_batch_end", "b, l", body), "KM720")


@KERAS_3
@pytest.mark.parametrize("base", ["callbacks.Callback", "callbacks.ModelCheckpoint"])
@pytest.mark.parametrize("name", ["__init__", "set_model", "use"])
def test_the_model_goes_where_the_property_reads_it(name: str, base: str, to: str) -> None:
    changes(
        method(name, "m", "self.model = m; print(self.model)", base),
        method(name, "m", "self._model = m; print(self.model)", base),
        "KM721",
        to=to,
    )


def test_the_model_in_a_tuple() -> None:
    changes(
        method("__init__", "m, n", "self.model, self.n = m, n"),
        method("__init__", "m, n", "self._model, self.n = m, n"),
        "KM721",
    )


@pytest.mark.parametrize(
    "code",
    [
        method("__init__", "m", "self.model_ = m"),
        method("__init__", "m", "self.model.x = m"),
        method("__init__", "m", "m.model = self"),
        method("__init__", "m", "self.model = m", base="object"),
        "class C(callbacks.Callback):\n    model = None\n\n"
        "    def __init__(self, m):\n        self.model = m\n",
        "class C(callbacks.Callback):\n    @property\n    def model(self):\n        return 1\n\n"
        "    def use(self, m):\n        self.model = m\n",
        method("set_model", "m", "super().set_model(m)"),
    ],
)
def test_other_attributes_stay(code: str) -> None:
    stays(code)


def test_keras_2_takes_the_model() -> None:
    stays(method("set_model", "m", "self.model = m"), to="tf_keras")


def test_a_model_that_others_set_is_reported() -> None:
    code = method("on_epoch_end", "e, logs=None", "pass") + "\n\nc = C()\nc.model = m\n"
    (finding,) = untouched(HEAD["keras"] + code, to="keras", codes=["KM721"])
    assert finding.advice == "call c.set_model(...)"


READ = "class C(callbacks.Callback):\n    def on_epoch_end(self, epoch, logs=None):\n        {}\n"


@pytest.mark.parametrize(
    ("to", "effect"),
    [("keras", "raises AttributeError"), ("tf.keras", "raises"), ("tf_keras", "is always None")],
)
def test_validation_data_is_not_given_any_more(to: str, effect: str) -> None:
    body = READ.format("x = self.validation_data[0]; y = self.validation_data[1]")
    (finding,) = untouched(HEAD[to] + body, to=to, codes=["KM722"])
    assert effect in finding.message


@pytest.mark.parametrize(
    "code",
    [
        READ.format("x = self.validation_data[0]")
        + "\n    def __init__(self, d):\n        self.validation_data = d\n",
        READ.format("x = self.validation_data[0]") + "\n\nc = C()\nc.validation_data = d\n",
        READ.format("x = getattr(self, 'validation_data', None)"),
        READ.format("x = other.validation_data"),
        READ.replace("callbacks.Callback", "object").format("x = self.validation_data"),
        READ.replace("callbacks.Callback", "callbacks.Callback, Mixin").format(
            "x = self.validation_data"
        ),
        "class C(callbacks.Callback):\n    validation_data = None\n\n"
        "    def use(self):\n        return self.validation_data\n",
    ],
)
@each_target
def test_validation_data_of_ones_own_stays(code: str, to: str) -> None:
    stays(code, to=to)


@each_target
def test_the_number_of_epochs_has_a_new_key(to: str) -> None:
    changes(
        READ.format("print(self.params['nb_epoch'], self.params.get(\"nb_epoch\"))"),
        READ.format("print(self.params['epochs'], self.params.get(\"epochs\"))"),
        "KM723",
        "KM723",
        to=to,
    )


@pytest.mark.parametrize("key", ["samples", "nb_sample", "metrics", "do_validation", "batch_size"])
def test_parameters_that_are_gone_are_reported(key: str) -> None:
    stays(READ.format(f"print(self.params['{key}'])"), "KM723")


@pytest.mark.parametrize(
    "code",
    [
        READ.format("print(self.params['epochs'], self.params['steps'])"),
        READ.format("print(self.params['mine'])"),
        READ.format("print(other.params['metrics'])"),
        READ.replace("callbacks.Callback", "object").format("print(self.params['metrics'])"),
        READ.format("print(self.params['metrics'])")
        + "\n    def __init__(self, p):\n        self.params = p\n",
        READ.format("print(self.params['metrics'])") + "\n\nc.set_params({'metrics': 1})\n",
    ],
)
def test_other_parameters_of_a_run_stay(code: str) -> None:
    stays(code)


def test_parameters_that_the_project_gives_stay(tmp_path: Path) -> None:
    code = "import loop\n" + HEAD["keras"] + READ.format("print(self.params['metrics'])")
    (tmp_path / "c.py").write_text(code)
    (tmp_path / "loop.py").write_text("p = {'metrics': 1}\ncallbacks.set_params(p)\n")
    project = Project(tmp_path, sorted(tmp_path.glob("*.py")))
    untouched(code, to="keras", codes=[], view=project.view(tmp_path / "c.py"))


PLAIN = "class C{}:\n    def on_epoch_end(self, epoch, logs=None):\n        pass\n\n\n"
FIT = "model = models.Sequential()\nmodel.fit(x, y, callbacks=[{}])\n"


@pytest.mark.parametrize("bases", ["", "(object)"])
@pytest.mark.parametrize("use", [FIT.format("C()"), "c = C()\n" + FIT.format("c")])
@each_target
def test_a_callback_needs_its_base(bases: str, use: str, to: str) -> None:
    stays(PLAIN.format(bases) + use, "KM724", to=to)


@pytest.mark.parametrize(
    "code",
    [
        PLAIN.format("(callbacks.Callback)") + FIT.format("C()"),
        PLAIN.format("(Mine)") + FIT.format("C()"),
        PLAIN.format("") + FIT.format("D()"),
        PLAIN.format("") + "C().fit(x)\n",
        PLAIN.format("").replace("on_epoch_end", "__call__") + FIT.format("C()"),
        PLAIN.format("").replace("pass\n", "pass\n\n    def set_model(self, m):\n        pass\n")
        + FIT.format("C()"),
    ],
)
def test_other_classes_stay(code: str) -> None:
    stays(code)
