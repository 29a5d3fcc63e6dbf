"""The class that stands for a functional model with losses from outside, in words of our own."""

from __future__ import annotations

from kerasmigrate.definitions import Definition

_MODEL = '''
@$register(package='keras_2')
class $name($Model):
    """Functional model with losses that are tensors of its graph, as in Keras 2."""

    def __init__(self, inputs, outputs, name=None, **options):
        super().__init__(inputs, outputs, name=name, **options)
        self._set_losses([])

    def _set_losses(self, losses):
        whole = $Model(self.input, [self.output, losses], name=self.name)
        own = {id(weight) for weight in self.weights}
        if any(id(weight) not in own for weight in whole.trainable_weights):
            raise ValueError('A layer that only the loss uses would not learn: freeze it.')
        self._whole = lambda: whole  # held by a function, so that it is no layer of this model

    def add_loss(self, loss):
        losses = loss if isinstance(loss, list) else [loss]
        if any(each.shape for each in losses):
            raise ValueError('A loss is one number.')
        self._set_losses(self._whole().output[1] + losses)

    def call(self, inputs, training=None, mask=None):
        outputs, losses = self._whole()(inputs, training=training, mask=mask)
        $Layer.add_loss(self, losses)
        single = isinstance(outputs, (list, tuple)) and len(outputs) == 1
        return outputs[0] if single else outputs

    def get_config(self):
        return {'whole': $serialize(self._whole())}

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
        outputs, losses = whole.output
        model = cls(whole.input, outputs, name=whole.name)
        model._set_losses(losses)
        return model
'''
#: A model whose ``add_loss()`` takes tensors, for targets with the API of Keras 3.
LOSS_MODEL = Definition(
    "ModelWithLosses",
    _MODEL,
    {
        "register": "keras.saving.register_keras_serializable",
        "Model": "keras.models.Model",
        "Layer": "keras.layers.Layer",
        "serialize": "keras.saving.serialize_keras_object",
        "deserialize": "keras.saving.deserialize_keras_object",
        "clone_model": "keras.models.clone_model",
    },
)
