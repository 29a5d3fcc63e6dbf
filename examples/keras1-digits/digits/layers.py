"""A layer of our own."""
from keras.engine.topology import Layer


class ChannelScale(Layer):
    """Multiplies every channel by a weight that is learned."""

    def __init__(self, init='one', **kwargs):
        self.init = init
        super(ChannelScale, self).__init__(**kwargs)

    def build(self, input_shape):
        self.scale = self.add_weight((input_shape[-1],),
                                     initializer=self.init,
                                     name='{}_scale'.format(self.name))
        super(ChannelScale, self).build(input_shape)

    def call(self, x, mask=None):
        return x * self.scale

    def get_output_shape_for(self, input_shape):
        return input_shape

    def get_config(self):
        config = super(ChannelScale, self).get_config()
        config['init'] = self.init
        return config
