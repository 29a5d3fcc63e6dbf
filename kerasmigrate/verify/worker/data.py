"""Stand-ins for what Keras would download: data sets, files, weights; and for what needs a person.

A data set has the real one's shapes and types, sample counts included: code names them
(``reshape(60000, 784)``).
"""

from __future__ import annotations

import builtins
import functools
import inspect
import json
import os
import random
import sys
import tempfile
import time
import types
from typing import Any, Callable

from . import standins, worlds
from .batches import numpy
from .recorder import recorder

#: Data set -> samples to train and to test with, shape of one, number of classes.
#: Source: the documentation of keras.datasets.
IMAGES: dict[str, tuple[int, int, tuple[int, ...], int]] = {
    "mnist": (60000, 10000, (28, 28), 10),
    "fashion_mnist": (60000, 10000, (28, 28), 10),
    "cifar10": (50000, 10000, (32, 32, 3), 10),
    "cifar100": (50000, 10000, (32, 32, 3), 100),
}
#: Data set -> samples to train and to test with, number of classes, size of the vocabulary.
TEXTS: dict[str, tuple[int, int, int, int]] = {
    "imdb": (25000, 25000, 2, 88584),
    "reuters": (8982, 2246, 46, 30979),
}
#: Data set -> samples to train and to test with, number of features.
TABLES: dict[str, tuple[int, int, int]] = {
    "boston_housing": (404, 102, 13),
    "california_housing": (16512, 4128, 8),
}
#: Different samples in a made-up data set; the rest repeats them.
DISTINCT = 200

SENTENCE = "some made up text, long enough to cut into pieces and to count the words of.\n"


def install() -> None:
    """Put the stand-ins into every Keras there is, and into the built-in functions."""
    for world in worlds.every():
        places = _places(world)
        for name in (*IMAGES, *TEXTS, *TABLES):
            module = getattr(getattr(world.api, "datasets", None), name, None)
            if module is not None:
                _replace(places, module.load_data, functools.partial(_load_data, world, name))
                index = getattr(module, "get_word_index", None)
                if index is not None:
                    _replace(places, index, functools.partial(_word_index, name))
        utils = world.api.utils if hasattr(world.api, "utils") else None
        for name, action in (("get_file", _get_file), ("plot_model", _nothing)):
            real = getattr(utils, name, None) or getattr(
                getattr(utils, "data_utils", None), name, None
            )
            if real is not None:
                _replace(places, real, action)
        if world.old:
            _plotting(world)
            real = world.api.backend.clear_session
            _replace(places, real, functools.partial(_clear_session, real))
        models = getattr(world.api, "models", None)
        real = getattr(models, "load_model", None)
        if real is not None:
            standins.keep(world, "load_model", real)
            load = functools.partial(standins.load_model, world, real)
            _replace(places, real, load)
        for name, real in _applications(world).items():
            _replace(places, real, functools.partial(_application, name, real))


def install_in_child() -> None:
    """Replace what waits for a person, or for the clock."""
    builtins.input = lambda *_: ""
    time.sleep = lambda *_: None


def _places(world: worlds.World) -> dict[int, list[tuple[types.ModuleType, str]]]:
    """Return where each function of a Keras is bound: by its id, the modules and names."""
    found: dict[int, list[tuple[types.ModuleType, str]]] = {}
    for name, module in list(sys.modules.items()):
        if isinstance(module, types.ModuleType) and world.owns(name):
            for attribute, value in list(vars(module).items()):
                if isinstance(value, types.FunctionType):
                    found.setdefault(id(value), []).append((module, attribute))
    return found


def _replace(
    places: dict[int, list[tuple[types.ModuleType, str]]],
    real: Any,
    action: Callable[[dict[str, Any]], Any],
) -> None:
    """Bind a function's name everywhere to a stand-in that checks the arguments first."""
    signature = inspect.signature(real)

    @functools.wraps(real)
    def standin(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{real.__name__}() {error}") from None
        return action(dict(bound.arguments))

    for module, name in places.get(id(real), []):
        setattr(module, name, standin)


def _nothing(given: dict[str, Any]) -> None:
    return None


#: Called before the models of an old Keras are gone with their graph.
clearing: list[Callable[[], None]] = []


def _clear_session(real: Any, given: dict[str, Any]) -> None:
    for each in clearing:
        each()
    real()


def _plotting(world: worlds.World) -> None:
    """Let what draws models be imported: in old Keras that takes programs of its own."""
    name = "visualize_util" if world.major == 1 else "vis_utils"
    module = types.ModuleType(f"{world.package}.utils.{name}")
    for function in ("plot", "plot_model", "model_to_dot"):
        setattr(module, function, lambda *_args, **_kwargs: None)
    sys.modules[module.__name__] = module
    setattr(world.api.utils, name, module)


# -- data sets ------------------------------------------------------------------------------------


def _load_data(world: worlds.World, name: str, given: dict[str, Any]) -> Any:
    unknown = given.get("kwargs") or {}
    words = unknown.get("nb_words", given.get("nb_words"))
    if unknown and not (world.old and set(unknown) == {"nb_words"}):
        raise TypeError(f"Unrecognized keyword arguments: {unknown}")
    np = numpy()
    generator = np.random.RandomState(0)
    if name in IMAGES:
        train, test, shape, classes = IMAGES[name]
        if name == "cifar100" and given.get("label_mode") == "coarse":
            classes = 20
        pictures = generator.randint(0, 256, size=(DISTINCT, *shape)).astype("uint8")
        column = (1,) if len(shape) == 3 else ()
        if column and _channels_first(world):
            shape = (shape[2], shape[0], shape[1])
            pictures = pictures.transpose((0, 3, 1, 2))

        def part(count: int) -> tuple[Any, Any]:
            labels = (np.arange(count) % classes).astype("uint8")
            return np.resize(pictures, (count, *shape)), labels.reshape((count, *column))

        return part(train), part(test)
    if name in TEXTS:
        train, test, classes, vocabulary = TEXTS[name]
        size = min(given.get("num_words") or words or vocabulary, vocabulary)
        longest = given.get("maxlen") or 300
        rows = [
            [1, *(generator.randint(4, max(size, 5), size=min(20 + 7 * i, longest - 1)).tolist())]
            for i in range(DISTINCT)
        ]

        def text_part(count: int) -> tuple[Any, Any]:
            texts = np.empty(count, dtype=object)
            for i in range(count):
                texts[i] = list(rows[i % DISTINCT])
            return texts, (np.arange(count) % classes).astype("int64")

        return text_part(train), text_part(test)
    train, test, features = TABLES[name]
    table = generator.uniform(0.0, 1.0, size=(train + test, features))
    prices = generator.uniform(5.0, 50.0, size=train + test)
    return (table[:train], prices[:train]), (table[train:], prices[train:])


def _channels_first(world: worlds.World) -> bool:
    """Tell how this Keras is set: its coloured pictures follow that."""
    backend = world.api.backend
    if hasattr(backend, "image_data_format"):
        return bool(backend.image_data_format() == "channels_first")
    return bool(backend.image_dim_ordering() == "th")


def _word_index(name: str, given: dict[str, Any]) -> dict[str, int]:
    return {f"word{i}": i for i in range(1, TEXTS[name][3] + 1)}


# -- files ----------------------------------------------------------------------------------------


def _get_file(given: dict[str, Any]) -> str:
    """Return the path of a small file with the name that the real one would have."""
    name = os.path.basename(str(given.get("fname") or given.get("origin") or "file"))
    folder = os.path.join(tempfile.gettempdir(), "downloads")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        with open(path, "w", encoding="utf-8") as stream:
            if name == "imagenet_class_index.json":
                json.dump({str(i): [f"n{i:08d}", f"class{i}"] for i in range(1000)}, stream)
            elif name.endswith(".json"):
                json.dump({}, stream)
            else:
                stream.write(SENTENCE * 200)
    recorder.note(f"{name} is not downloaded: a small file stands in for it")
    standins.made_up_files.add(path)
    return path


# -- applications ---------------------------------------------------------------------------------


def _applications(world: worlds.World) -> dict[str, Any]:
    found = {}
    for name, value in vars(getattr(world.api, "applications", types)).items():
        if name[:1].isupper() and isinstance(value, types.FunctionType):
            found[name] = value
    return found


def _application(name: str, real: Any, given: dict[str, Any]) -> Any:
    """Build the network without its weights, which would be a download."""
    kwargs = given.pop("kwargs", {})
    given.update(kwargs)
    # Keras 2.2 and 2.3 hand all on to a package of its own.
    args = [None if each == "imagenet" else each for each in given.pop("args", ())]
    if given.get("weights", "imagenet") is not None:
        recorder.note(f"{name} is built without the weights that it would download")
    if len(args) < 2:
        given["weights"] = None
    return real(*args, **given)


def seed() -> None:
    """Make every run the same."""
    random.seed(0)
    numpy().random.seed(0)
