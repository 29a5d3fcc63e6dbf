"""Runs an old standalone Keras, 1.2.2 to 2.3.1, on today's TensorFlow.

Its sources stay as they were published. What has gone from Python, NumPy, h5py and TensorFlow since
then, and that they use, is given back first; TensorFlow itself is its own version-1 interface, in
graph mode. That cannot be undone: a process that has loaded an old Keras has no other any more.
"""

from __future__ import annotations

import collections
import collections.abc
import fractions
import functools
import importlib
import importlib.util
import inspect
import math
import os
import sys
import time
import types
import warnings
from typing import Any

#: What the version-1 interface says that it is: the last TensorFlow that had it alone.
TENSORFLOW = "1.15.0"
#: Names that NumPy 1.20 to 2.0 have removed, with what they stood for.
NUMPY_NAMES: dict[str, str] = {
    "bool": "bool",
    "complex": "complex",
    "float": "float",
    "int": "int",
    "long": "int",
    "object": "object",
    "str": "str",
    "unicode": "str",
}
NUMPY_RENAMED: dict[str, str] = {
    "Inf": "inf",
    "NaN": "nan",
    "complex_": "complex128",
    "float_": "float64",
    "product": "prod",
    "string_": "bytes_",
    "unicode_": "str_",
}
#: Modules that files of Keras import but no model needs, with the functions that they ask of them.
#: (``yaml`` is for ``to_yaml``; ``scipy`` for pictures, and to tell sparse data.)
OPTIONAL: dict[str, tuple[str, ...]] = {
    "yaml": (),
    "scipy": (),
    "scipy.linalg": (),
    "scipy.ndimage": (),
    "scipy.sparse": ("issparse",),
}
#: Parts that not every version imports by itself, each where it exists.
PARTS = (
    "applications",
    "callbacks",
    "datasets.boston_housing",
    "datasets.cifar10",
    "datasets.cifar100",
    "datasets.fashion_mnist",
    "datasets.imdb",
    "datasets.mnist",
    "datasets.reuters",
    "models",
    "preprocessing.image",
    "preprocessing.sequence",
    "preprocessing.text",
    "utils.np_utils",
    "wrappers.scikit_learn",
)


def load(folder: str) -> Any:
    """Import the Keras that lies in a folder, and return the module.

    Args:
        folder: Where the package ``keras`` of the old version is, with what it depends on.

    Raises:
        ImportError: There is none, or TensorFlow cannot be imported.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    _python()
    _numpy()
    _hdf5()
    _tensorflow()
    for name in list(sys.modules):
        if name == "keras" or name.startswith("keras."):
            del sys.modules[name]
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    devices: Any = importlib.import_module("tensorflow.python.client.device_lib")
    list_devices = devices.list_local_devices
    # Keras 2.0 looks for GPUs when it is imported. That would start threads, which a fork loses.
    devices.list_local_devices = list
    missing = [name for name in OPTIONAL if not _is_there(name)]
    for name in missing:
        _stand_in(name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Python, about the style of its time
            keras = importlib.import_module("keras")
            for name in PARTS:
                if _exists("keras." + name):
                    importlib.import_module("keras." + name)
    finally:
        # The user's code must not take them for the real ones.
        for name in missing:
            del sys.modules[name]
        devices.list_local_devices = list_devices
    _optimizers()
    return keras


def _exists(name: str) -> bool:
    """Tell whether there is a module, its parent packages included."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _give(owner: Any, name: str, value: Any) -> None:
    """Set an attribute that is missing."""
    if name not in vars(owner):
        setattr(owner, name, value)


# -- Python ---------------------------------------------------------------------------------------


def _python() -> None:
    """Give back what the standard library has dropped: in 3.3 to 3.13."""
    for name in collections.abc.__all__:
        _give(collections, name, getattr(collections.abc, name))
    _give(inspect, "getargspec", _getargspec)
    _give(time, "clock", time.perf_counter)
    _give(fractions, "gcd", math.gcd)
    if not _is_there("pkg_resources"):
        resources = types.ModuleType("pkg_resources")
        resources.parse_version = _version  # type: ignore[attr-defined]
        sys.modules["pkg_resources"] = resources
    if not _is_there("distutils.version"):
        package, module = types.ModuleType("distutils"), types.ModuleType("distutils.version")
        module.StrictVersion = module.LooseVersion = _version  # type: ignore[attr-defined]
        package.version = module  # type: ignore[attr-defined]
        package.__path__ = []
        sys.modules.update({"distutils": package, "distutils.version": module})


_ArgSpec = collections.namedtuple("_ArgSpec", "args varargs keywords defaults")


def _getargspec(function: Any) -> Any:
    """``inspect.getargspec``, which Python 3.11 has removed."""
    return _ArgSpec(*inspect.getfullargspec(function)[:4])


def _version(text: str) -> tuple[int, ...]:
    """Return a version as numbers that compare: all that an old Keras asks of one."""
    numbers = []
    for part in text.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        numbers.append(int(digits or 0))
    return tuple(numbers)


def _is_there(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


def _stand_in(name: str) -> None:
    """Put a module in the place of a missing one: it knows of nothing that it would find."""
    module = types.ModuleType(name)
    module.__path__ = []
    for function in OPTIONAL[name]:
        setattr(module, function, lambda *_: False)
    sys.modules[name] = module
    parent, _, last = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], last, module)


# -- NumPy and h5py -------------------------------------------------------------------------------


def _numpy() -> None:
    import builtins

    np = importlib.import_module("numpy")
    for name, real in NUMPY_NAMES.items():
        _give(np, name, getattr(builtins, real))
    for name, real in NUMPY_RENAMED.items():
        _give(np, name, getattr(np, real))


def _hdf5() -> None:
    """Read attributes as h5py did before version 3: what was written as bytes comes as bytes."""
    h5py: Any = importlib.import_module("h5py")
    np: Any = importlib.import_module("numpy")
    manager = h5py.AttributeManager
    real = manager.__getitem__

    def read(self: Any, name: str) -> Any:
        value = real(self, name)
        if getattr(value, "shape", None) == (0,):
            return np.array([], dtype="S1")  # Keras 2.2 asks for its truth, which floats refuse
        kind = self.get_id(name).get_type()
        if not isinstance(kind, h5py.h5t.TypeStringID) or kind.get_cset() != h5py.h5t.CSET_ASCII:
            return value
        if isinstance(value, str):
            return value.encode("utf-8")
        if isinstance(value, np.ndarray) and value.dtype.kind == "O":
            # A list of bytes was written as a fixed length for all, which is what Keras looks for.
            texts = [
                each if isinstance(each, bytes) else each.encode("utf-8") for each in value.flat
            ]
            return np.array(texts, dtype="S").reshape(value.shape)
        return value

    manager.__getitem__ = read


# -- TensorFlow -----------------------------------------------------------------------------------


def _tensorflow() -> None:
    """Make ``tensorflow`` the version-1 interface, with what has moved inside it."""
    flow: Any = importlib.import_module("tensorflow.compat.v1")
    flow.disable_v2_behavior()
    # The variables of old let an update overtake a gradient that still reads them: a training step
    # would be another one each time.
    flow.enable_resource_variables()
    resource: Any = importlib.import_module("tensorflow.python.ops.resource_variable_ops")
    # Code of old says "lr *= factor", and means a new tensor.
    for name in ("__imul__", "__iadd__", "__isub__", "__itruediv__"):
        setattr(resource.BaseResourceVariable, name, lambda self, other: NotImplemented)
    # Keras 1 says "if bias:" to ask whether there is one.
    resource.BaseResourceVariable.__bool__ = lambda self: True
    # It raises today; code of old asks with hasattr() whether a tensor is a list of them.
    del importlib.import_module("tensorflow.python.framework.tensor").Tensor.__len__
    sys.modules["tensorflow"] = flow
    _contrib()
    flow.__version__ = TENSORFLOW
    flow.logging.set_verbosity(flow.logging.ERROR)
    _unoptimized(flow)
    control = importlib.import_module("tensorflow.python.ops.control_flow_ops")
    for name in ("case", "cond", "while_loop"):
        _give(control, name, getattr(flow, name))
    ops = importlib.import_module("tensorflow.python.framework.ops")
    _give(ops, "_TensorLike", (flow.Tensor, flow.Variable))
    _give(ops, "is_dense_tensor_like", lambda value: isinstance(value, ops._TensorLike))


def _contrib() -> None:
    """Let the callback TensorBoard have the one module of ``tf.contrib`` that it asks for.

    It uses it to show embeddings, while a model trains.
    """
    name = "tensorflow"
    for part in ("contrib", "tensorboard", "plugins", "projector"):
        name = f"{name}.{part}"
        module = types.ModuleType(name)
        if part != "projector":
            module.__path__ = []
        sys.modules[name] = module
        parent = sys.modules[name.rpartition(".")[0]]
        if part != "contrib":  # code asks whether there is one
            setattr(parent, part, module)


def _unoptimized(flow: Any) -> None:
    """Run graphs as they are: for the few times that each one runs, to improve it does not pay."""
    session: Any = importlib.import_module("tensorflow.python.client.session").BaseSession
    begin = session.__init__

    @functools.wraps(begin)
    def init(self: Any, target: str = "", graph: Any = None, config: Any = None) -> None:
        chosen = flow.ConfigProto()
        if config is not None:
            chosen.CopyFrom(config)
        chosen.graph_options.rewrite_options.disable_meta_optimizer = True
        begin(self, target, graph, chosen)

    session.__init__ = init


def _optimizers() -> None:
    """Let an optimizer read all that it reads before it updates anything.

    It lists its updates side by side: the count of its steps among them, which the new weights are
    computed from. In what order a graph carries them out is anybody's guess.
    """
    optimizers: Any = importlib.import_module("keras.optimizers")
    backend: Any = importlib.import_module("keras.backend")
    flow = sys.modules["tensorflow"]
    for value in list(vars(optimizers).values()):
        if isinstance(value, type) and "get_updates" in vars(value):
            _read_first(value, backend, flow)


def _read_first(optimizer: Any, backend: Any, flow: Any) -> None:
    get_updates = optimizer.get_updates

    @functools.wraps(get_updates)
    def ordered(self: Any, *args: Any, **kwargs: Any) -> Any:
        kept = {name: getattr(backend, name) for name in ("update", "update_add", "update_sub")}
        backend.update = lambda x, new_x: (x, new_x)
        backend.update_add = lambda x, increment: (x, x + increment)
        backend.update_sub = lambda x, decrement: (x, x - decrement)
        try:
            updates = get_updates(self, *args, **kwargs)
        finally:
            vars(backend).update(kept)
        pairs = [each for each in updates if isinstance(each, tuple)]
        others = [each for each in updates if not isinstance(each, tuple)]
        values = [flow.identity(flow.convert_to_tensor(new)) for _, new in pairs]
        with flow.control_dependencies(values):
            done = [variable.assign(new) for (variable, _), new in zip(pairs, values, strict=True)]
        self.updates = others + done
        return self.updates

    optimizer.get_updates = ordered
