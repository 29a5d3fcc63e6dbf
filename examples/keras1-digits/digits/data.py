"""The MNIST digits, ready for training."""
import numpy as np
from keras import backend as K
from keras.datasets import mnist
from keras.utils import np_utils

ROWS, COLS = 28, 28
NB_CLASSES = 10


def input_shape():
    if K.image_dim_ordering() == 'th':
        return (1, ROWS, COLS)
    return (ROWS, COLS, 1)


def load():
    (X_train, y_train), (X_test, y_test) = mnist.load_data()
    shape = (-1,) + input_shape()
    X_train = X_train.reshape(shape).astype('float32') / 255
    X_test = X_test.reshape(shape).astype('float32') / 255
    Y_train = np_utils.to_categorical(y_train, NB_CLASSES)
    Y_test = np_utils.to_categorical(y_test, NB_CLASSES)
    return (X_train, Y_train), (X_test, Y_test)


class Noise(object):
    """Batches of randomly chosen digits with some noise on them, for ever."""

    def __init__(self, strength):
        self.strength = strength

    def flow(self, X, Y, batch_size):
        while True:
            chosen = np.random.randint(0, len(X), batch_size)
            noise = np.random.normal(0, self.strength, X[chosen].shape)
            yield (X[chosen] + noise).astype('float32'), Y[chosen]
