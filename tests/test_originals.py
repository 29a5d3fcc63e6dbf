"""Old Kerases: kept in a folder of their own, and run on today's TensorFlow."""

from __future__ import annotations

import hashlib
import importlib.util
import zipfile
from pathlib import Path

import numpy as np
import pytest
from originals import SnippetError, installed, run_original, run_originals

from kerasmigrate import cli
from kerasmigrate.errors import UsageError, VerifyError
from kerasmigrate.verify import originals

each_version = pytest.mark.parametrize("version", originals.VERSIONS)
real = [pytest.mark.pypi, pytest.mark.tensorflow]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a user's cache that is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "kerasmigrate" / "originals"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let pip see nothing but a folder."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def put(index: Path, file: str, members: dict[str, str]) -> str:
    """Put a wheel into the folder; returns its hash."""
    with zipfile.ZipFile(index / file, "w") as wheel:
        for name, text in members.items():
            wheel.writestr(zipfile.ZipInfo(name), text)
    return hashlib.sha256((index / file).read_bytes()).hexdigest()


WHEEL = "Keras-2.0.9-py2.py3-none-any.whl"
METADATA = {
    "Keras-2.0.9.dist-info/METADATA": "Metadata-Version: 2.1\nName: Keras\nVersion: 2.0.9\n",
    "Keras-2.0.9.dist-info/WHEEL": "Wheel-Version: 1.0\nTag: py2-none-any\nTag: py3-none-any\n",
    "Keras-2.0.9.dist-info/RECORD": "",
}


def publish(monkeypatch: pytest.MonkeyPatch, index: Path, members: dict[str, str]) -> None:
    """Make a wheel of our own the one that counts as Keras 2.0.9."""
    digest = put(index, WHEEL, {**METADATA, **members})
    archive = originals.Archive("keras==2.0.9", WHEEL, digest, "keras")
    monkeypatch.setitem(originals.ARCHIVES, "2.0.9", (archive,))


# -- the cache -------------------------------------------------------------------------------


def test_install_unpacks_the_package_alone(
    cache: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = {"keras/__init__.py": "x = 1\n", "keras/layers/core.py": "", "docs/a.py": "y = 2\n"}
    publish(monkeypatch, index, {**members, "keras/../../out.py": "", "keras_other/a.py": ""})
    assert originals.find("2.0.9") is None
    place = originals.install("2.0.9")
    assert place == originals.find("2.0.9") == cache / "2.0.9"
    found = sorted(str(each.relative_to(cache)) for each in cache.rglob("*") if each.is_file())
    assert found == ["2.0.9/keras/__init__.py", "2.0.9/keras/layers/core.py"]
    assert (place / "keras" / "__init__.py").read_text(encoding="utf-8") == "x = 1\n"


def test_installed_once_it_works_offline(
    cache: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, index, {"keras/__init__.py": ""})
    place = originals.install("2.0.9")
    (index / WHEEL).unlink()
    assert originals.install("2.0.9") == place
    assert originals.remove("2.0.9") is True
    assert originals.remove("2.0.9") is False
    assert originals.find("2.0.9") is None


def test_another_file_of_that_name_is_refused(cache: Path, index: Path) -> None:
    put(index, WHEEL, {**METADATA, "keras/__init__.py": "raise SystemExit\n"})
    with pytest.raises(VerifyError) as error:
        originals.install("2.0.9")
    (archive,) = originals.ARCHIVES["2.0.9"]
    assert str(error.value) == (
        f"{WHEEL} from the package index is not the file that was published (its sha256 is not "
        f"{archive.sha256}): nothing was installed; check your index"
    )
    assert list(cache.iterdir()) == []


def test_an_index_without_it(cache: Path, index: Path) -> None:
    with pytest.raises(VerifyError) as error:
        originals.install("1.2.2")
    assert str(error.value) == (
        "pip cannot download keras 1.2.2: No matching distribution found for keras==1.2.2"
    )
    assert list(cache.iterdir()) == []


def test_no_network(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.invalid/simple")
    with pytest.raises(originals.UnreachableError) as error:
        originals.install("2.2.4")
    assert str(error.value) == (
        "the package index cannot be reached, to download keras 2.2.4: try again later"
    )


def test_a_cache_that_cannot_be_written(tmp_path: Path, index: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(VerifyError, match=r"^cannot keep keras 2\.0\.9 in .*/file/originals: "):
        originals.install("2.0.9", tmp_path / "file" / "originals")


@pytest.mark.parametrize("version", ["2.0", "3.0.0", "../2.0.9", ""])
def test_a_version_that_is_not_offered(cache: Path, version: str) -> None:
    for action in (originals.install, originals.find, originals.remove):
        with pytest.raises(UsageError) as error:
            action(version)
        assert str(error.value) == (
            f"no original keras {version!r}: choose one of 1.2.2, 2.0.9, 2.1.6, 2.2.4, 2.3.1"
        )


# -- the command -----------------------------------------------------------------------------


def test_the_command(
    cache: Path,
    index: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    publish(monkeypatch, index, {"keras/__init__.py": ""})
    assert cli.main(["originals", "list"]) == 0
    assert capsys.readouterr() == (
        "1.2.2  not installed\n2.0.9  not installed\n2.1.6  not installed\n"
        "2.2.4  not installed\n2.3.1  not installed\n",
        "",
    )
    assert cli.main(["originals", "install", "2.0.9"]) == 0
    assert capsys.readouterr() == ("", f"keras 2.0.9 is in {cache / '2.0.9'}\n")
    assert cli.main(["originals", "install", "2.0.9", "-q"]) == 0
    assert capsys.readouterr() == ("", "")
    cli.main(["originals", "list"])
    assert f"2.0.9  {cache / '2.0.9'}\n" in capsys.readouterr().out
    assert cli.main(["originals", "remove", "2.0.9", "2.1.6"]) == 0
    assert capsys.readouterr() == (
        "",
        "keras 2.0.9 is removed\nkeras 2.1.6 was not installed\n",
    )
    assert not (cache / "2.0.9").exists()


def test_errors_are_one_line(cache: Path, index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["originals", "install", "1.9"]) == 2
    assert capsys.readouterr() == (
        "",
        "kerasmigrate: error: no original keras '1.9': choose one of 1.2.2, 2.0.9, 2.1.6, 2.2.4, "
        "2.3.1\n",
    )
    assert cli.main(["originals", "install", "1.2.2"]) == 3
    assert capsys.readouterr() == (
        "",
        "kerasmigrate: error: pip cannot download keras 1.2.2: No matching distribution found for "
        "keras==1.2.2\n",
    )


# -- the real ones ---------------------------------------------------------------------------


@pytest.mark.pypi
@pytest.mark.tensorflow
class TestReal:
    @each_version
    def test_it_is_the_real_one(self, version: str) -> None:
        got = run_original(
            version,
            """
            import keras, tensorflow
            from keras import backend as K
            results["version"] = keras.__version__
            results["file"] = keras.__file__
            results["backend"] = K.backend()
            results["flow"] = tensorflow.__version__
            """,
        )
        assert got == {
            "version": version,
            "file": str(installed(version) / "keras" / "__init__.py"),
            "backend": "tensorflow",
            "flow": "1.15.0",
        }

    @each_version
    def test_a_model_trains_predicts_and_is_saved(self, version: str) -> None:
        got = run_original(
            version,
            """
            from keras.layers import BatchNormalization, Dense, Dropout
            from keras.models import Sequential, load_model
            model = Sequential()
            model.add(Dense(3, input_dim=4, activation="tanh"))
            model.add(BatchNormalization())
            model.add(Dropout(0.5))
            model.add(Dense(2))
            model.compile("sgd", "mse")
            x, y = np.arange(24.0).reshape(6, 4) / 24, np.ones((6, 2))
            before = model.predict(x)
            results["loss"] = float(model.train_on_batch(x, y))
            results["moved"] = float(np.abs(model.predict(x) - before).max())
            history = model.fit(x, y, batch_size=3, verbose=0, validation_data=(x, y))
            results["history"] = sorted(history.history)
            model.save("model.h5")
            copy = load_model("model.h5")
            results["same"] = bool((copy.predict(x) == model.predict(x)).all())
            results["parameters"] = model.count_params()
            """,
        )
        assert got.pop("loss") > 0
        assert got.pop("moved") > 0
        assert got == {"history": ["loss", "val_loss"], "same": True, "parameters": 35}

    @each_version
    def test_layers_of_many_kinds_run(self, version: str) -> None:
        """Each takes a batch through the backend's own functions: loops, convolutions, tables."""
        got = run_original(version, LAYERS)
        assert got == {
            "Bidirectional": (2, 10),
            "Conv1D": (2, 4, 5),
            "Conv2D": (2, 6, 6, 5),
            "Conv3D": (2, 4, 4, 4, 5),
            "ConvLSTM2D": (2, 4, 4, 5),
            "Embedding": (2, 6, 5),
            "GRU": (2, 5),
            "LSTM": (2, 5),
            "LocallyConnected1D": (2, 4, 5),
            "LocallyConnected2D": (2, 6, 6, 5),
            "Masking": (2, 5),
            "MaxPooling2D": (2, 4, 4, 3),
            "SeparableConv2D": (2, 6, 6, 5),
            "SimpleRNN": (2, 6, 5),
            "TimeDistributed": (2, 6, 5),
            "transposed": (2, 10, 10, 5),
        }

    @each_version
    def test_a_training_step_is_the_same_every_time(self, version: str) -> None:
        """No update overtakes a gradient that still reads the weights."""
        code = """
        from keras.layers import Dense
        from keras.models import Sequential
        model = Sequential([Dense(2, input_dim=3, name="first"), Dense(1, name="last")])
        model.compile("sgd", "mse")
        x, y = np.ones((4, 3)), np.ones((4, 1))
        first, last = np.full((3, 2), 0.5), np.array([[1.0], [-2.0]])
        model.set_weights([first, np.zeros(2), last, np.zeros(1)])
        model.train_on_batch(x, y)
        # The outputs are -1.5: the slope of the loss is -5, and through the last layer's weights
        # as they were it comes to the first.
        results["moved"] = (model.get_weights()[1] / 0.01).tolist()
        """
        for _ in range(3):
            got = run_original(version, code)
            np.testing.assert_allclose(got["moved"], [5.0, -10.0], rtol=1e-4)

    def test_the_defaults_are_those_of_its_time(self) -> None:
        code = """
        from keras import backend as K
        x = K.variable(np.array([0.0, 1.0, 2.0]))
        results["hard_sigmoid"] = K.eval(K.hard_sigmoid(x))
        """
        for got in (run_original("1.2.2", code), run_original("2.3.1", code)):
            np.testing.assert_allclose(got["hard_sigmoid"], [0.5, 0.7, 0.9], atol=1e-6)

    def test_snippets_do_not_see_each_other(self) -> None:
        code = """
        from keras import layers
        layers.mark = getattr(layers, "mark", 0) + 1
        results["mark"] = layers.mark
        results["name"] = layers.Dense(1).name
        results["random"] = np.random.rand()
        results["given"] = given * 2
        """
        first, second = run_originals("2.2.4", [code, code], given=np.arange(2))
        assert first["given"].tolist() == [0, 2]
        assert (first["mark"], first["name"]) == (1, "dense_1")
        del first["given"], second["given"]
        assert first == second

    def test_a_snippet_that_fails(self) -> None:
        with pytest.raises(SnippetError, match='File "snippet", line 3') as error:
            run_original("1.2.2", "\n\nfrom keras.layers import Conv2DTranspose\n")
        assert (error.value.kind, error.value.message) == (
            "ImportError",
            f"cannot import name 'Conv2DTranspose' from 'keras.layers' "
            f"({installed('1.2.2')}/keras/layers/__init__.py)",
        )
        with pytest.raises(TimeoutError, match=r"more than 0\.5 s"):
            run_original("1.2.2", "while True: pass", timeout=0.5)
        assert run_original("1.2.2", "results['on'] = 1") == {"on": 1}

    def test_packages_that_are_missing_are_missing_for_the_code(self) -> None:
        if importlib.util.find_spec("scipy") is not None:
            pytest.skip("scipy is here")
        with pytest.raises(SnippetError) as error:
            run_original("2.3.1", "import keras.preprocessing.image, scipy")
        assert error.value.message == "No module named 'scipy'"

    @each_version
    def test_the_pinned_archives_are_those_of_the_index(self, version: str, tmp_path: Path) -> None:
        place = originals.install(version, tmp_path)
        packages = sorted(each.package for each in originals.ARCHIVES[version])
        assert sorted(each.name for each in place.iterdir()) == packages
        text = (place / "keras" / "__init__.py").read_text(encoding="utf-8")
        assert f"__version__ = '{version}'" in text


#: Keras 1 spells most of them differently; later versions take that through their legacy layer.
LAYERS = """
import keras
from keras import layers
from keras.models import Sequential

if keras.__version__ < "2":
    layers.Conv1D = lambda n, k, **given: layers.Convolution1D(n, k, **given)
    layers.Conv2D = lambda n, k, **given: layers.Convolution2D(n, k, k, **given)
    layers.Conv3D = lambda n, k, **given: layers.Convolution3D(n, k, k, k, **given)
    layers.SeparableConv2D = lambda n, k, **given: layers.SeparableConvolution2D(n, k, k, **given)
    local = layers.LocallyConnected2D
    layers.LocallyConnected2D = lambda n, k, **given: local(n, k, k, **given)
    lstm = layers.ConvLSTM2D
    layers.ConvLSTM2D = lambda n, k, **given: lstm(n, k, k, **given)
    transposed = layers.Deconvolution2D(5, 3, 3, (None, 10, 10, 5), input_shape=(8, 8, 3))
else:
    transposed = layers.Conv2DTranspose(5, 3, input_shape=(8, 8, 3))

TABLE = [
    layers.Conv1D(5, 3, input_shape=(6, 3)),
    layers.Conv2D(5, 3, input_shape=(8, 8, 3)),
    layers.Conv3D(5, 3, input_shape=(6, 6, 6, 3)),
    layers.ConvLSTM2D(5, 3, input_shape=(4, 6, 6, 3)),
    layers.Embedding(7, 5, input_length=6),
    layers.LocallyConnected1D(5, 3, input_shape=(6, 3)),
    layers.LocallyConnected2D(5, 3, input_shape=(8, 8, 3)),
    layers.MaxPooling2D((2, 2), input_shape=(8, 8, 3)),
    layers.SeparableConv2D(5, 3, input_shape=(8, 8, 3)),
    layers.LSTM(5, input_shape=(6, 3)),
    layers.GRU(5, input_shape=(6, 3)),
    layers.SimpleRNN(5, return_sequences=True, input_shape=(6, 3)),
    layers.Bidirectional(layers.LSTM(5), input_shape=(6, 3)),
    layers.TimeDistributed(layers.Dense(5), input_shape=(6, 3)),
]
#: A loop, a convolution, and a convolution in a loop: training costs most of the time.
TRAINED = ("Conv3D", "ConvLSTM2D", "GRU")
models = [(type(layer).__name__, Sequential([layer])) for layer in TABLE]
models = [(name.replace("Convolution", "Conv"), model) for name, model in models]
models.append(("transposed", Sequential([transposed])))
models.append(("Masking", Sequential([layers.Masking(0.0, input_shape=(6, 3)), layers.LSTM(5)])))
for name, model in models:
    model.compile("sgd", "mse")
    x = np.random.randint(0, 2, size=(2, *model.input_shape[1:])).astype("float32")
    y = model.predict(x)
    assert np.isfinite(y).all()
    if name in TRAINED:
        assert np.isfinite(model.train_on_batch(x, y + 1))
    results[name] = y.shape
"""
