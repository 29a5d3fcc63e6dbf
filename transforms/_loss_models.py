"""The class that stands for a functional model with losses from outside, in words of our own."""

from __future__ import annotations

from kerasmigrate.definitions import Definition

_MODEL = '''
@$register(package='keras_2')
class $name($Model):
    """Functional model with %(what)s that are tensors of its graph, as in Keras 2."""

    def __init__(self, inputs, outputs, name=None, **options):
        super().__init__(inputs, outputs, name=name, **options)
        %(first)s

    def _learn_from(self, losses%(values)s):
        whole = $Model(self.input, [self.output, losses%(values)s], name=self.name)
        own = {id(weight) for weight in self.weights}
        if any(id(weight) not in own for weight in whole.trainable_weights):
            raise ValueError('A layer that only the loss uses would not learn: freeze it.')
        self._whole = lambda: whole  # held by a function, so that it is no layer of this model

    def add_loss(self, loss):
        new = loss if isinstance(loss, list) else [loss]
        if any(each.shape for each in new):
            raise ValueError('A loss is one number.')
        _, losses%(values)s = self._whole().output
        self._learn_from(losses + new%(values)s)
%(add_metric)s
    def call(self, inputs, training=None, mask=None):
        outputs, losses%(values)s = self._whole()(inputs, training=training, mask=mask)
        $Layer.add_loss(self, losses)%(update)s
        single = isinstance(outputs, (list, tuple)) and len(outputs) == 1
        return outputs[0] if single else outputs

    def get_config(self):
        return {'whole': $serialize(self._whole())%(names)s}

    @classmethod
    def from_config(cls, config):
        whole = $deserialize(config['whole'])
        # Layers that are used inside and outside of an inner model come back as two.
        inner = {
            layer.name: layer
            for model in whole.layers if isinstance(model, $Model)
            for layer in model.layers
        }
        whole = $clone_model(whole, clone_function=lambda each: inner.get(each.name, each))
        outputs, losses%(values)s = whole.output
        model = cls(whole.input, outputs, name=whole.name)
        %(restore)s
        return model
'''
_ADD_METRIC = """
    def add_metric(self, value, name, aggregation='mean'):
        _, losses, values = self._whole().output
        self._learn_from(losses, values + [value])
        self._means.append($Mean(name=name))
"""
_UPDATE = """
        for mean, value in zip(self._means, values):
            mean.update_state(value)"""
_RESTORE = """model._learn_from(losses, [])
        for value, metric in zip(values, config['metrics']):
            model.add_metric(value, metric)"""
_USES = {
    "register": "keras.utils.register_keras_serializable",
    "Model": "keras.models.Model",
    "Layer": "keras.layers.Layer",
    "serialize": "keras.utils.serialize_keras_object",
    "deserialize": "keras.utils.deserialize_keras_object",
    "clone_model": "keras.models.clone_model",
}


#: A model whose ``add_loss()`` takes tensors, for targets with the API of Keras 3.
LOSS_MODEL = Definition(
    "ModelWithLosses",
    _MODEL
    % {
        "what": "losses",
        "first": "self._learn_from([])",
        "values": "",
        "add_metric": "",
        "update": "",
        "names": "",
        "restore": "model._learn_from(losses)",
    },
    _USES,
)
#: The same with ``add_metric()``.
METRIC_MODEL = Definition(
    "ModelWithLossesAndMetrics",
    _MODEL
    % {
        "what": "losses and metrics",
        "first": "self._means = []\n        self._learn_from([], [])",
        "values": ", values",
        "add_metric": _ADD_METRIC,
        "update": _UPDATE,
        "names": ", 'metrics': [mean.name for mean in self._means]",
        "restore": _RESTORE,
    },
    {**_USES, "Mean": "keras.metrics.Mean"},
)
