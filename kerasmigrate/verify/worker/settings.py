"""What layers and optimizers are configured with, in names and values that all versions share."""

from __future__ import annotations

from typing import Any

from . import layouts

#: Names of settings in Keras 1 -> names since. Others have kept theirs, or mean no number.
SETTINGS: dict[str, str] = {
    "atrous_rate": "dilation_rate",
    "bias": "use_bias",
    "border_mode": "padding",
    "filter_length": "kernel_size",
    "length": "size",
    "nb_filter": "filters",
    "output_dim": "units",
    "p": "rate",
    "pool_length": "pool_size",
    "sigma": "stddev",
    "stride": "strides",
    "subsample": "strides",
    "subsample_length": "strides",
}
#: What is compared of a layer besides its class: what a migration can get wrong.
COMPARED = frozenset(
    {"alpha", "depth_multiplier", "dilation_rate", "epsilon", "filters", "go_backwards"}
    | {"kernel_size", "mask_zero", "merge_mode", "momentum", "padding", "pool_size", "rate"}
    | {"return_sequences", "size", "stateful", "stddev", "strides", "units", "use_bias"}
)
#: Functions are compared by their name.
FUNCTIONS = ("activation", "recurrent_activation")
#: The weights that regularizers and constraints of a layer belong to, and their names in Keras 1.
WEIGHTS: dict[str, tuple[str, ...]] = {
    "kernel": ("kernel", "W", "embeddings", "depthwise"),
    "recurrent": ("recurrent", "U"),
    "bias": ("bias", "b"),
    "pointwise": ("pointwise",),
    "gamma": ("gamma",),
    "beta": ("beta",),
    "alpha": ("alpha",),
    "activity": ("activity",),
}
#: Numbers of regularizers and constraints, by the name of today.
NUMBERS: dict[str, tuple[str, ...]] = {
    "l1": ("l1",),
    "l2": ("l2",),
    "max_value": ("max_value", "m"),
    "min_value": ("min_value",),
    "rate": ("rate",),
}


def of_layer(layer: Any) -> dict[str, Any]:
    """Return what a layer was configured with, in names and values that all versions share."""
    kind = layouts.kind_of(layer)
    found: dict[str, Any] = {}
    inner = getattr(layer, "forward_layer", None) or getattr(layer, "layer", None)
    if kind in ("Bidirectional", "TimeDistributed") and inner is not None:
        found = {"layer." + name: value for name, value in of_layer(inner).items()}
        found["layer"] = layouts.kind_of(inner)
    try:
        config = dict(layer.get_config())
    except Exception:  # a class of the user's
        config = {}
    if {"nb_row", "nb_col"} <= set(config):
        depth = [config["kernel_dim1"]] if "kernel_dim1" in config else []
        config["kernel_size"] = [*depth, config["nb_row"], config["nb_col"]]
    for name, value in config.items():
        name = SETTINGS.get(name, name)
        if kind == "Embedding" and name == "units":
            continue  # output_dim is its name to this day
        if name in COMPARED:
            found[name] = _plain(value)
    inner = getattr(layer, "cell", None) or layer
    for name in FUNCTIONS:
        old = "inner_activation" if name == "recurrent_activation" else name
        function = getattr(inner, name, None) or getattr(inner, old, None)
        if function is not None:
            found[name] = name_of(function)
    found.update(_penalties(inner))
    return found


def _penalties(layer: Any) -> dict[str, str]:
    """Return its regularizers and constraints; those that it cannot have are left out."""
    found = {}
    for weight, names in WEIGHTS.items():
        for what in ("regularizer", "constraint"):
            owned = [name for name in names if hasattr(layer, f"{name}_{what}")]
            if "depthwise" in owned:
                owned = ["depthwise"]  # that of a kernel does nothing there
            values = [getattr(layer, f"{name}_{what}") for name in owned]
            texts = [_penalty(value) for value in values if value is not None]
            if owned:
                found[f"{weight}_{what}"] = next((text for text in texts if text), "none")
    return found


def _penalty(value: Any) -> str:
    if value is None:
        return ""
    numbers = []
    for name, spellings in NUMBERS.items():
        number = next((getattr(value, each) for each in spellings if hasattr(value, each)), None)
        try:
            number = 0.0 if number is None else float(f"{float(number):.6g}")
        except (TypeError, ValueError):
            continue
        if number:
            numbers.append(f"{name}={number:g}")
    kind = name_of(value)
    if kind in ("L1", "L2", "L1L2", "L1L2Regularizer"):
        return " ".join(numbers)  # of nothing: none
    return " ".join([kind, *numbers])


def _plain(value: Any) -> Any:
    """Return a value as every version would have written it: one number for equal ones."""
    if isinstance(value, (list, tuple)):
        found = [_plain(each) for each in value]
        return found[0] if found and all(each == found[0] for each in found) else found
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    try:
        return float(f"{float(value):.6g}")  # some versions keep it in 32 bits
    except (TypeError, ValueError):  # of a user's class: anything
        return str(type(value).__name__)


def name_of(function: Any) -> str:
    """Return the name of a function, or of the class of an object."""
    name = str(getattr(function, "__name__", None) or type(function).__name__)
    # The old one is written out where the target's is steeper; the outputs tell which one it is.
    return "hard_sigmoid" if "hard_sigmoid" in name else name.strip("_").replace("_v2", "")


# -- optimizers -----------------------------------------------------------------------------------

#: A rate is looked at before the first step, and after so many, by when a decay shows.
STEPS = 1000
#: Their names have not changed; a missing one is 0.
FACTORS = ("momentum", "nesterov", "rho", "beta_1", "beta_2", "clipvalue")


def of_optimizer(optimizer: Any, old: bool) -> dict[str, Any]:
    """Return what an optimizer was configured with; what cannot be told is left out.

    Args:
        old: It is of a Keras before 3, where ``clipnorm`` is the norm of all gradients together.
    """
    found: dict[str, Any] = {"optimizer": type(optimizer).__name__.lower()}
    try:
        config = dict(optimizer.get_config())
    except Exception:  # a class of the user's
        return found
    rate: Any = getattr(optimizer, "_learning_rate", None)
    if rate is None:
        rate = getattr(optimizer, "_hyper", {}).get("learning_rate")
    if not callable(rate):
        rate = config.get("learning_rate", config.get("lr"))
    decay = config.get("decay", 0.0) or 0.0
    for steps, name in ((0, "learning rate"), (STEPS, f"learning rate after {STEPS} steps")):
        try:
            value = float(rate(steps)) if callable(rate) else float(rate)
            found[name] = float(f"{value / (1.0 + float(decay) * steps):.5g}")
        except (TypeError, ValueError):
            continue
    norm = "global_clipnorm"
    factors = {name: config.get(name) for name in FACTORS}
    factors[norm] = config.get("clipnorm" if old else norm)
    factors["clipnorm"] = None if old else config.get("clipnorm")
    for name, factor in factors.items():
        try:
            found[name] = float(f"{float(factor or 0.0):.5g}")
        except (TypeError, ValueError):
            continue
    return found
