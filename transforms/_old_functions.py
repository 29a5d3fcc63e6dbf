"""Helper functions that Keras once had, in words of our own, for the files that still use them.

Each does what the function of Keras 1.2.2 or 2.2.4 did; tests/test_removed_names.py holds values
that those gave.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kerasmigrate.definitions import Definition


@dataclass(frozen=True)
class OldFunction:
    """A function to define.

    Attributes:
        definition: Its text; it exists in no target.
        keywords: Names of parameters that other versions had, with those of the definition.
        needed: Oldest API level of a target that lacks the function; others have it somewhere.
    """

    definition: Definition
    keywords: Mapping[str, str] = field(default_factory=dict)
    needed: int = 2


_CONV_OUTPUT = OldFunction(
    Definition(
        "conv_output_length",
        '''
def $name(input_length, filter_size, padding, stride, dilation=1):
    """Return the length of a convolution's output."""
    if input_length is None:
        return None
    size = filter_size + (filter_size - 1) * (dilation - 1)
    change = {'same': 0, 'causal': 0, 'valid': 1 - size, 'full': size - 1}[padding]
    return (input_length + change + stride - 1) // stride
''',
    ),
    {"border_mode": "padding"},
)
_CONV_INPUT = OldFunction(
    Definition(
        "conv_input_length",
        '''
def $name(output_length, filter_size, padding, stride):
    """Return the length of a convolution's input."""
    if output_length is None:
        return None
    pad = {'same': filter_size // 2, 'valid': 0, 'full': filter_size - 1}[padding]
    return (output_length - 1) * stride - 2 * pad + filter_size
''',
    ),
    {"border_mode": "padding"},
)
_DECONV = OldFunction(
    Definition(
        "deconv_length",
        '''
def $name(dim_size, stride_size, kernel_size, padding, output_padding=None, dilation=1):
    """Return the length of a transposed convolution's output."""
    if dim_size is None:
        return None
    kernel_size = kernel_size + (kernel_size - 1) * (dilation - 1)
    if output_padding is None:
        overlap = max(kernel_size - stride_size, 0)
        full = 2 - stride_size - kernel_size
        return dim_size * stride_size + {'same': 0, 'valid': overlap, 'full': full}[padding]
    pad = {'same': kernel_size // 2, 'valid': 0, 'full': kernel_size - 1}[padding]
    return (dim_size - 1) * stride_size + kernel_size - 2 * pad + output_padding
''',
    )
)
_TUPLE = OldFunction(
    Definition(
        "normalize_tuple",
        '''
def $name(value, n, name):
    """Return n integers as a tuple, from such a sequence or from one integer."""
    try:
        values = (value,) * n if isinstance(value, int) else tuple(value)
        valid = len(values) == n and [int(each) for each in values]
    except (TypeError, ValueError):
        valid = False
    if not valid:
        raise ValueError(f'{name} must be a tuple of {n} integers, not {value}')
    return values
''',
    ),
    needed=3,
)
_PADDING = OldFunction(
    Definition(
        "normalize_padding",
        '''
def $name(value):
    """Return a padding in small letters, if it is one."""
    padding = value.lower()
    if padding not in ('valid', 'same', 'causal'):
        raise ValueError(f'padding must be valid, same or causal, not {value}')
    return padding
''',
    ),
    needed=3,
)
_DATA_FORMAT = OldFunction(
    Definition(
        "normalize_data_format",
        '''
def $name(value):
    """Return a data format in small letters, or the default one for None."""
    data_format = $default() if value is None else value.lower()
    if data_format not in ('channels_first', 'channels_last'):
        raise ValueError(f'data_format must be channels_first or channels_last, not {value}')
    return data_format
''',
        {"default": "keras.backend.image_data_format"},
    ),
    needed=3,
)
_KERNEL = OldFunction(
    Definition(
        "convert_kernel",
        '''
def $name(kernel):
    """Turn a kernel by 180 degrees, from Theano's convolution to TensorFlow's or back."""
    import numpy as np

    kernel = np.asarray(kernel)
    return np.flip(kernel, axis=tuple(range(kernel.ndim - 2))).copy()
''',
    )
)
_KERNELS = OldFunction(
    Definition(
        "convert_all_kernels_in_model",
        '''
def $name(model):
    """Turn the kernels of convolutions by 180 degrees, from Theano's to TensorFlow's or back."""
    import numpy as np

    for layer in model.layers:
        if type(layer).__name__ in ('Conv1D', 'Conv2D', 'Conv3D', 'Conv2DTranspose'):
            kernel, *rest = layer.get_weights()
            layer.set_weights([np.flip(kernel, axis=tuple(range(kernel.ndim - 2))), *rest])
''',
    )
)
_DENSE = OldFunction(
    Definition(
        "convert_dense_weights_data_format",
        '''
def $name(dense, previous_feature_map_shape, target_data_format='channels_first'):
    """Reorder the weights of a Dense layer behind Flatten for the other data format."""
    import numpy as np

    kernel, bias = dense.get_weights()
    if target_data_format == 'channels_first':
        channels, *sizes = previous_feature_map_shape
        maps = np.moveaxis(kernel.reshape(*sizes, channels, -1), 2, 0)
    else:
        *sizes, channels = previous_feature_map_shape
        maps = np.moveaxis(kernel.reshape(channels, *sizes, -1), 0, 2)
    dense.set_weights([maps.reshape(kernel.shape), bias])
''',
    ),
    needed=3,
)
_CATEGORICAL = OldFunction(
    Definition(
        "categorical_probas_to_classes",
        '''
def $name(p):
    """Return the most probable class of each row."""
    import numpy as np

    return np.argmax(p, axis=1)
''',
    )
)
_PROBAS = OldFunction(
    Definition(
        "probas_to_classes",
        '''
def $name(y_pred):
    """Return the class of each row of probabilities: of several classes, or of one."""
    import numpy as np

    if y_pred.ndim > 1 and y_pred.shape[1] > 1:
        return np.argmax(y_pred, axis=1)
    return np.array([1 if p > 0.5 else 0 for p in y_pred])
''',
    )
)
_HAS_ARG = OldFunction(
    Definition(
        "has_arg",
        '''
def $name(fn, name, accept_all=False):
    """Tell whether a callable takes a keyword argument."""
    import inspect

    parameters = inspect.signature(fn).parameters
    if name in parameters:
        kind = parameters[name].kind
        return kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    kinds = [each.kind for each in parameters.values()]
    return accept_all and inspect.Parameter.VAR_KEYWORD in kinds
''',
    ),
    needed=3,
)
_TO_LIST = OldFunction(
    Definition(
        "to_list",
        '''
def $name(x, allow_tuple=False):
    """Return a list as it is, and anything else as a list of one."""
    if isinstance(x, list):
        return x
    return list(x) if allow_tuple and isinstance(x, tuple) else [x]
''',
    ),
    needed=3,
)
_SLICES = OldFunction(
    Definition(
        "slice_arrays",
        '''
def $name(arrays, start=None, stop=None):
    """Slice an array or each array of a list, by a range or by a list of indices."""
    if arrays is None:
        return [None]
    index = slice(start, stop)
    if hasattr(start, '__len__'):
        index = start.tolist() if hasattr(start, 'shape') else start
    if isinstance(arrays, list):
        return [None if each is None else each[index] for each in arrays]
    return arrays[index]
''',
    ),
    needed=3,
)
_FROM_MODULE = OldFunction(
    Definition(
        "get_from_module",
        '''
def $name(identifier, module_params, module_name, instantiate=False, kwargs=None):
    """Look up a custom object, or a member of a module, by its name or its configuration."""
    options, name = kwargs or {}, identifier
    if isinstance(identifier, dict):
        options = dict(identifier)
        name = options.pop('name')
    elif not isinstance(identifier, str):
        return identifier
    found = $custom_objects().get(name) or module_params.get(name)
    if not found:
        raise ValueError(f'Invalid {module_name}: {identifier}')
    return found(**options) if instantiate or name is not identifier else found
''',
        {"custom_objects": "keras.utils.get_custom_objects"},
    )
)
_INPUT_SHAPE = OldFunction(
    Definition(
        "obtain_input_shape",
        '''
def $name(
    input_shape, default_size, min_size, data_format, require_flatten, weights=None
):
    """Return the input shape of an image model: the one given if it will do, or the default."""
    first = data_format in ('channels_first', 'th')
    channels, sizes = 3, (default_size, default_size)
    if input_shape:
        if len(input_shape) != 3:
            raise ValueError('input_shape must be a tuple of three integers')
        if weights != 'imagenet':
            channels = input_shape[0 if first else -1]
    default = (channels, *sizes) if first else (*sizes, channels)
    if weights == 'imagenet' and require_flatten:
        if input_shape is not None and tuple(input_shape) != default:
            raise ValueError(f'the weights with the top need input_shape={default}')
        return default
    if not input_shape:
        if require_flatten:
            return default
        return (3, None, None) if first else (None, None, 3)
    if weights == 'imagenet' and input_shape[0 if first else -1] != 3:
        raise ValueError(f'the weights need 3 channels, not input_shape={input_shape}')
    for size in input_shape[1:] if first else input_shape[:-1]:
        if size is not None and size < min_size:
            raise ValueError(f'input_shape={input_shape} is smaller than {min_size}x{min_size}')
    if require_flatten and None in input_shape:
        raise ValueError(f'the top needs a fixed size, not input_shape={input_shape}')
    return input_shape
''',
    ),
    {"dim_ordering": "data_format", "include_top": "require_flatten"},
)
_LAYER_TEST = OldFunction(
    Definition(
        "check_layer",
        '''
def $name(
    layer_cls,
    kwargs={},
    input_shape=None,
    input_dtype=None,
    input_data=None,
    expected_output=None,
    expected_output_dtype=None,
    fixed_batch_size=False,
):
    """Check the shape, weights, configuration and training of a layer; return what it gives."""
    import inspect

    import numpy as np

    if input_data is None:
        shape = [np.random.randint(1, 4) if each is None else each for each in input_shape]
        input_data = (10 * np.random.random(shape)).astype(input_dtype or $floatx())
    input_shape = tuple(input_shape or input_data.shape)
    input_dtype = input_dtype or input_data.dtype.name
    layer = layer_cls(**kwargs)
    layer.set_weights(layer.get_weights())
    size = input_shape[0] if fixed_batch_size else None

    def check(model, layer):
        output = model.predict(input_data, verbose=0)
        expected = tuple(layer.compute_output_shape(input_shape))
        assert len(expected) == len(output.shape)
        assert all(a in (None, b) for a, b in zip(expected, output.shape)), output.shape
        if expected_output is not None:
            np.testing.assert_allclose(output, expected_output, rtol=1e-3)
        again = type(model).from_config(model.get_config(), {layer_cls.__name__: layer_cls})
        again.set_weights(model.get_weights())
        np.testing.assert_allclose(again.predict(input_data, verbose=0), output, rtol=1e-3)
        if 'training' in inspect.signature(layer.call).parameters:
            model.compile('rmsprop', 'mse')
            model.train_on_batch(input_data, output)
        return output

    x = $Input(input_shape[1:], batch_size=size, dtype=input_dtype)
    y = layer(x)
    assert getattr(y.dtype, 'name', y.dtype) == (expected_output_dtype or input_dtype)
    check($Model(x, y), layer)
    layer = layer_cls.from_config(layer.get_config())
    x = $Input(input_shape[1:], batch_size=size, dtype=input_dtype)
    return check($Sequential([x, layer]), layer)
''',
        {
            "floatx": "keras.backend.floatx",
            "Input": "keras.layers.Input",
            "Model": "keras.models.Model",
            "Sequential": "keras.models.Sequential",
        },
    )
)
_TEST = OldFunction(
    Definition(
        "clearing_state",
        '''
def $name(test):
    """Wrap a test so that the state of Keras is cleared behind it."""
    import functools

    @functools.wraps(test)
    def wrapper(*args, **kwargs):
        result = test(*args, **kwargs)
        $clear_session()
        return result

    return wrapper
''',
        {"clear_session": "keras.backend.clear_session"},
    )
)
_DATA = OldFunction(
    Definition(
        "get_test_data",
        '''
def $name(
    num_train=1000, num_test=500, input_shape=(10,), output_shape=(2,),
    classification=True, num_classes=2,
):
    """Return random inputs and targets that a model can learn, for training and for testing."""
    import numpy as np

    samples = num_train + num_test
    y = place = np.random.randint(0, num_classes, size=(samples,))
    if not classification:
        place = np.random.random((samples,))
        y = np.stack([np.random.normal(each, 0.7, size=output_shape) for each in place])
        y = y.astype('float32')
    x = np.stack([np.random.normal(each, 0.7, size=input_shape) for each in place])
    x = x.astype('float32')
    return (x[:num_train], y[:num_train]), (x[num_train:], y[num_train:])
''',
    ),
    {"nb_train": "num_train", "nb_test": "num_test", "nb_class": "num_classes"},
)

_FROM_YAML = OldFunction(
    Definition(
        "model_from_yaml",
        '''
def $name(yaml_string, custom_objects=None):
    """Build a model from its configuration as YAML."""
    import json

    import yaml

    config = yaml.load(yaml_string, Loader=yaml.FullLoader)  # old files hold tuples
    return $model_from_json(json.dumps(config), custom_objects=custom_objects)
''',
        {"model_from_json": "keras.models.model_from_json"},
    )
)
#: Keras 3 finds no class by a name alone: "Could not locate class 'Sequential'".
_FROM_CONFIG = OldFunction(
    Definition(
        "model_from_config",
        '''
def $name(config, custom_objects=None):
    """Build a model of the class and the configuration in a dictionary."""
    kinds = {'Sequential': $Sequential, 'Model': $Model, 'Functional': $Model}
    kind = kinds.get(config['class_name'])
    if kind is None:
        return $deserialize(config, custom_objects=custom_objects)
    return kind.from_config(config['config'], custom_objects=custom_objects)
''',
        {
            "Sequential": "keras.models.Sequential",
            "Model": "keras.models.Model",
            "deserialize": "keras.saving.deserialize_keras_object",
        },
    ),
    needed=3,
)
#: What ``Model.to_yaml`` did (engine/topology.py of 1.2.2, engine/network.py of 2.3.1).
TO_YAML = Definition(
    "model_to_yaml",
    '''
def $name(model, **kwargs):
    """Return the configuration of a model as YAML."""
    import json

    import yaml

    return yaml.dump(json.loads(model.to_json()), **kwargs)
''',
)


def _laid_out(name: str, what: str, order: str) -> OldFunction:
    """Return a function that moves the channels of Theano's order to where TensorFlow has them."""
    return OldFunction(
        Definition(
            name,
            f'''
def $name(x, data_format):
    """Return {what} with the channels last, and in float32 where it is in float64."""
    import tensorflow as tf

    x = tf.cast(x, 'float32') if x.dtype == 'float64' else x
    return tf.transpose(x, {order}) if data_format in ('th', 'channels_first') else x
''',
        ),
        {"dim_ordering": "data_format", "kernel": "x"},
    )


def _laid_back(name: str, order: str) -> OldFunction:
    """Return a function that moves the channels back to where Theano's order has them."""
    return OldFunction(
        Definition(
            name,
            f'''
def $name(x, data_format):
    """Return what a convolution gave, its channels first again where they are to be."""
    import tensorflow as tf

    x = tf.transpose(x, {order}) if data_format in ('th', 'channels_first') else x
    return tf.cast(x, 'float64') if $floatx() == 'float64' else x
''',
            {"floatx": "keras.backend.floatx"},
        ),
        {"dim_ordering": "data_format"},
    )


def _with_format(name: str, order: str, layout: str) -> OldFunction:
    """Return a function that gives the order of the dimensions, too, as after Keras 2.0.5."""
    return OldFunction(
        Definition(
            name,
            f'''
def $name(x, data_format, force_transpose=False):
    """Return the input of a convolution with the channels last, and that order for TensorFlow."""
    import tensorflow as tf

    return tf.transpose(x, {order}) if data_format == 'channels_first' else x, '{layout}'
''',
        )
    )


_PADDING_OF_TENSORFLOW = OldFunction(
    Definition(
        "preprocess_padding",
        '''
def $name(padding):
    """Return a padding as TensorFlow spells it."""
    if padding not in ('same', 'valid'):
        raise ValueError(f'padding must be same or valid, not {padding}')
    return padding.upper()
''',
    ),
    {"border_mode": "padding"},
)
_TO_TENSOR = OldFunction(
    Definition(
        "to_tensor",
        '''
def $name(x, dtype):
    """Return a value as a tensor of a type."""
    import tensorflow as tf

    return tf.cast(x, dtype) if tf.is_tensor(x) else tf.convert_to_tensor(x, dtype=dtype)
''',
    )
)
#: Private functions of the backend, by path: what they did in Keras 1, and until about Keras 2.0.5.
BACKEND = {
    "keras.backend._preprocess_conv2d_input": _laid_out(
        "preprocess_conv2d_input", "images", "(0, 2, 3, 1)"
    ),
    "keras.backend._preprocess_conv3d_input": _laid_out(
        "preprocess_conv3d_input", "volumes", "(0, 2, 3, 4, 1)"
    ),
    "keras.backend._preprocess_conv2d_kernel": _laid_out(
        "preprocess_conv2d_kernel", "a kernel", "(2, 3, 1, 0)"
    ),
    "keras.backend._preprocess_conv3d_kernel": _laid_out(
        "preprocess_conv3d_kernel", "a kernel", "(2, 3, 4, 1, 0)"
    ),
    "keras.backend._postprocess_conv2d_output": _laid_back(
        "postprocess_conv2d_output", "(0, 3, 1, 2)"
    ),
    "keras.backend._postprocess_conv3d_output": _laid_back(
        "postprocess_conv3d_output", "(0, 4, 1, 2, 3)"
    ),
    "keras.backend._preprocess_border_mode": _PADDING_OF_TENSORFLOW,
    "keras.backend._preprocess_padding": _PADDING_OF_TENSORFLOW,
    "keras.backend._to_tensor": _TO_TENSOR,
}
#: Those that gave one value until about Keras 2.0.5, and two from then on.
PAIRS = {
    "keras.backend._preprocess_conv2d_input": _with_format(
        "preprocess_conv2d_input", "(0, 2, 3, 1)", "NHWC"
    ),
    "keras.backend._preprocess_conv3d_input": _with_format(
        "preprocess_conv3d_input", "(0, 2, 3, 4, 1)", "NDHWC"
    ),
}
#: What went when those began to give two values.
BEFORE_PAIRS = (
    frozenset(BACKEND)
    - frozenset(PAIRS)
    - {
        "keras.backend._preprocess_padding",
        "keras.backend._to_tensor",
    }
)

#: By the place where some Keras defined the function.
OLD_FUNCTIONS: dict[str, OldFunction] = {
    "keras.models.model_from_yaml": _FROM_YAML,
    "keras.models.model_from_config": _FROM_CONFIG,
    "keras.engine.saving.model_from_config": _FROM_CONFIG,
    "keras.utils.np_utils.conv_output_length": _CONV_OUTPUT,
    "keras.utils.conv_utils.conv_output_length": _CONV_OUTPUT,
    "keras.utils.np_utils.conv_input_length": _CONV_INPUT,
    "keras.utils.conv_utils.conv_input_length": _CONV_INPUT,
    "keras.utils.conv_utils.deconv_length": _DECONV,
    "keras.utils.conv_utils.normalize_tuple": _TUPLE,
    "keras.utils.conv_utils.normalize_padding": _PADDING,
    "keras.utils.conv_utils.normalize_data_format": _DATA_FORMAT,
    "keras.utils.conv_utils.convert_kernel": _KERNEL,
    "keras.utils.layer_utils.convert_all_kernels_in_model": _KERNELS,
    "keras.utils.layer_utils.convert_dense_weights_data_format": _DENSE,
    "keras.utils.np_utils.categorical_probas_to_classes": _CATEGORICAL,
    "keras.utils.np_utils.probas_to_classes": _PROBAS,
    "keras.utils.generic_utils.has_arg": _HAS_ARG,
    "keras.utils.generic_utils.to_list": _TO_LIST,
    "keras.utils.generic_utils.slice_arrays": _SLICES,
    "keras.engine.training.slice_X": _SLICES,
    "keras.utils.generic_utils.get_from_module": _FROM_MODULE,
    "keras.applications.imagenet_utils._obtain_input_shape": _INPUT_SHAPE,
    "keras.utils.test_utils.keras_test": _TEST,
    "keras.utils.test_utils.layer_test": _LAYER_TEST,
    "keras.utils.test_utils.get_test_data": _DATA,
}
