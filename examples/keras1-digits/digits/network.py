"""The network: two towers with different filters, joined again."""
from keras.layers import Input, merge
from keras.layers.convolutional import Convolution2D, MaxPooling2D
from keras.layers.core import Activation, Dense, Dropout, Flatten
from keras.layers.normalization import BatchNormalization
from keras.models import Model
from keras.regularizers import l2

from .layers import ChannelScale


def tower(x, nb_filter, size):
    x = Convolution2D(nb_filter, size, size, border_mode='same', subsample=(2, 2),
                      dim_ordering='tf', init='he_normal', W_regularizer=l2(1e-4))(x)
    x = BatchNormalization(mode=0, axis=3)(x)
    return Activation('relu')(x)


def build(input_shape, nb_classes):
    image = Input(shape=input_shape, name='image')
    # The small filters see strokes, the large ones see loops.
    x = merge([tower(image, 32, 3), tower(image, 32, 5)], mode='concat', concat_axis=3)
    x = ChannelScale()(x)
    x = Convolution2D(64, 3, 3, border_mode='same', subsample=(2, 2), dim_ordering='tf',
                      init='he_normal')(x)
    x = MaxPooling2D(pool_size=(2, 2), border_mode='valid', dim_ordering='tf')(x)
    x = Flatten()(x)
    x = Dense(output_dim=128, activation='relu', init='glorot_normal', bias=True)(x)
    x = Dropout(p=0.5)(x)
    digit = Dense(nb_classes, activation='softmax', name='digit')(x)
    return Model(input=image, output=digit)
