"""Calls of Keras 1, of our own, that stand for every row of Keras 2.0's legacy tables."""

from __future__ import annotations

import ast

#: Where Keras 1 had the names; all of them are there in Keras 2.0.9, too.
HOMES = {
    "keras.layers": "Input Layer InputLayer",
    "keras.layers.core": "Activation Dense Dropout Lambda SpatialDropout1D SpatialDropout2D"
    " SpatialDropout3D",
    "keras.layers.convolutional": "AtrousConvolution2D Convolution1D Convolution2D Convolution3D"
    " Cropping2D Cropping3D Deconvolution2D SeparableConvolution2D UpSampling1D UpSampling2D"
    " UpSampling3D ZeroPadding2D ZeroPadding3D",
    "keras.layers.convolutional_recurrent": "ConvLSTM2D",
    "keras.layers.local": "LocallyConnected1D LocallyConnected2D",
    "keras.layers.pooling": "AveragePooling1D AveragePooling2D AveragePooling3D"
    " GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling2D GlobalMaxPooling3D"
    " MaxPooling1D MaxPooling2D MaxPooling3D",
    "keras.layers.recurrent": "GRU LSTM SimpleRNN",
    "keras.layers.wrappers": "Bidirectional TimeDistributed",
    "keras.layers.embeddings": "Embedding",
    "keras.layers.normalization": "BatchNormalization",
    "keras.layers.noise": "GaussianDropout GaussianNoise",
    "keras.layers.advanced_activations": "PReLU",
    "keras.models": "Model Sequential",
    "keras.regularizers": "l1 l2",
    "keras.constraints": "maxnorm nonneg unitnorm",
    "keras.optimizers": "SGD",
    "keras.callbacks": "LambdaCallback",
}
HOME = {name: module for module, names in HOMES.items() for name in names.split()}

#: Each is one expression.
CALLS = (
    # legacy_dense_support
    "Dense(4)",
    "Dense(output_dim=4)",
    "Dense(4, init='uniform')",
    "Dense(4, init='normal', activation='tanh')",
    "Dense(4, init='lecun_uniform')",
    "Dense(4, init='glorot_uniform')",
    "Dense(4, init='he_uniform')",
    "Dense(4, init='identity')",
    "Dense(4, init='orthogonal')",
    "Dense(4, init='zero')",
    "Dense(4, init='one')",
    "Dense(4, W_regularizer='l1')",
    "Dense(4, W_regularizer=l2(0.5), b_regularizer=l1(0.25))",
    "Dense(4, W_regularizer=l2(l=0.5), b_regularizer=l1(l=0.25))",
    "Dense(4, activity_regularizer=l2(0.5))",
    "Dense(4, W_constraint=maxnorm(3), b_constraint=maxnorm(axis=0))",
    "Dense(4, W_constraint='maxnorm', b_constraint='nonneg')",
    "Dense(4, W_constraint=nonneg(), b_constraint=unitnorm())",
    "Dense(4, bias=False)",
    "Dense(output_dim=4, init='one', bias=True, input_dim=3)",
    "Dense(4, input_shape=(3,), name='first')",
    "Dense(4, batch_input_shape=(2, 3))",
    "TimeDistributed(Dense(output_dim=4, init='one', bias=False), input_shape=(5, 3))",
    # legacy_dropout_support and its likes
    "Dropout(0.25)",
    "Dropout(p=0.25)",
    "GaussianDropout(0.25)",
    "GaussianDropout(p=0.25)",
    "GaussianNoise(0.25)",
    "GaussianNoise(sigma=0.25)",
    "SpatialDropout1D(0.25)",
    "SpatialDropout1D(p=0.25)",
    "SpatialDropout2D(0.25)",
    "SpatialDropout2D(p=0.25, dim_ordering='th')",
    "SpatialDropout2D(0.25, dim_ordering='default')",
    "SpatialDropout3D(p=0.25, dim_ordering='tf')",
    # legacy_embedding_support
    "Embedding(9, 4)",
    "Embedding(input_dim=9, output_dim=4, input_length=5)",
    "Embedding(9, 4, init='normal', mask_zero=True)",
    "Embedding(9, 4, init='glorot_uniform', W_regularizer=l2(0.5), W_constraint=unitnorm())",
    "Embedding(9, 4, dropout=0.)",
    "Embedding(9, 4, dropout=0.5)",
    # legacy_pooling*_support
    "MaxPooling1D()",
    "MaxPooling1D(3)",
    "MaxPooling1D(3, 1, 'same')",
    "MaxPooling1D(pool_length=3)",
    "MaxPooling1D(pool_length=3, stride=1, border_mode='same')",
    "AveragePooling1D()",
    "AveragePooling1D(3, 2)",
    "AveragePooling1D(pool_length=3, stride=None, border_mode='valid')",
    "MaxPooling2D()",
    "MaxPooling2D((3, 3), (2, 2), 'same')",
    "MaxPooling2D(pool_size=(3, 3), strides=(2, 2), border_mode='same', dim_ordering='th')",
    "AveragePooling2D()",
    "AveragePooling2D((3, 2), border_mode='same', dim_ordering='tf')",
    "MaxPooling3D()",
    "MaxPooling3D((3, 3, 3), border_mode='same', dim_ordering='th')",
    "AveragePooling3D(border_mode='valid', dim_ordering='default')",
    "AveragePooling3D((1, 2, 2), (2, 2, 2), 'same')",
    # legacy_global_pooling_support
    "GlobalMaxPooling2D()",
    "GlobalMaxPooling2D(dim_ordering='th')",
    "GlobalAveragePooling2D(dim_ordering='tf')",
    "GlobalMaxPooling3D(dim_ordering='th')",
    "GlobalAveragePooling3D(dim_ordering='default')",
    # legacy_upsampling*_support
    "UpSampling1D()",
    "UpSampling1D(3)",
    "UpSampling1D(length=3)",
    "UpSampling2D()",
    "UpSampling2D((2, 3), dim_ordering='th')",
    "UpSampling3D(size=(2, 1, 3), dim_ordering='tf')",
    # legacy_conv1d_support
    "Convolution1D(4, 3)",
    "Convolution1D(nb_filter=4, filter_length=3)",
    "Convolution1D(4, 3, init='uniform', activation='relu', subsample_length=2)",
    "Convolution1D(4, 3, border_mode='same', bias=False)",
    "Convolution1D(4, filter_length=3, W_regularizer=l1(0.5), b_regularizer=l2(0.25))",
    "Convolution1D(4, 3, W_constraint=maxnorm(2), b_constraint=nonneg())",
    "Convolution1D(4, 3, input_dim=2)",
    "Convolution1D(4, 3, input_dim=2, input_length=7)",
    "LocallyConnected1D(4, 3)",
    "LocallyConnected1D(nb_filter=4, filter_length=3, init='one', subsample_length=2,"
    " border_mode='valid')",
    "LocallyConnected1D(4, 3, W_regularizer='l2', b_regularizer='l1', W_constraint='maxnorm',"
    " b_constraint='unitnorm', bias=False, input_dim=2, input_length=7)",
    # legacy_conv2d_support
    "Convolution2D(4, 3, 5)",
    "Convolution2D(4, 3, nb_col=5)",
    "Convolution2D(4, nb_row=3, nb_col=5)",
    "Convolution2D(nb_filter=4, nb_row=3, nb_col=5)",
    "Convolution2D(4, 3, 5, border_mode='same', subsample=(2, 1), dim_ordering='th')",
    "Convolution2D(4, 3, 5, dim_ordering='default', bias=False)",
    "Convolution2D(4, 3, 5, init='he_uniform', activation='relu')",
    "Convolution2D(4, 3, 5, W_regularizer=l2(0.5), b_regularizer=l2(0.25))",
    "Convolution2D(4, 3, 5, W_constraint=maxnorm(2), b_constraint=maxnorm(3))",
    "Convolution2D(4, 3, 5, input_shape=(8, 8, 3), name='conv')",
    "TimeDistributed(Convolution2D(4, 3, 5, border_mode='same'), input_shape=(2, 8, 8, 3))",
    "AtrousConvolution2D(4, 3, 5, atrous_rate=(2, 3))",
    "AtrousConvolution2D(4, 3, 5, init='one', border_mode='same', dim_ordering='tf', bias=False)",
    "LocallyConnected2D(4, 3, 5)",
    "LocallyConnected2D(nb_filter=4, nb_row=3, nb_col=5, subsample=(2, 2), dim_ordering='th')",
    "LocallyConnected2D(4, 3, 5, init='one', border_mode='valid', bias=False)",
    "LocallyConnected2D(4, 3, 5, W_regularizer='l2', b_regularizer='l1', W_constraint='nonneg',"
    " b_constraint='unitnorm')",
    # legacy_separable_conv2d_support
    "SeparableConvolution2D(4, 3, 5)",
    "SeparableConvolution2D(nb_filter=4, nb_row=3, nb_col=5, init='one', bias=False)",
    "SeparableConvolution2D(4, 3, 5, border_mode='same', subsample=(2, 2), dim_ordering='tf',"
    " depth_multiplier=2)",
    "SeparableConvolution2D(4, 3, 5, b_regularizer='l2', b_constraint='nonneg')",
    "SeparableConvolution2D(4, 3, 5, depthwise_regularizer='l2', pointwise_constraint='maxnorm')",
    # legacy_deconv2d_support
    "Deconvolution2D(4, 3, 5, output_shape=(None, 14, 14, 4))",
    "Deconvolution2D(4, 3, 5, (None, 14, 14, 4), subsample=(2, 2))",
    "Deconvolution2D(nb_filter=4, nb_row=3, nb_col=5, output_shape=(None, 4, 14, 14),"
    " border_mode='same', dim_ordering='th')",
    "Deconvolution2D(4, 3, 5, output_shape=(None, 14, 14, 4), init='one', bias=False,"
    " W_regularizer='l2', b_regularizer='l1', W_constraint='maxnorm', b_constraint='nonneg')",
    # legacy_conv3d_support
    "Convolution3D(4, 1, 2, 3)",
    "Convolution3D(4, 1, 2, kernel_dim3=3)",
    "Convolution3D(4, 1, kernel_dim2=2, kernel_dim3=3)",
    "Convolution3D(nb_filter=4, kernel_dim1=1, kernel_dim2=2, kernel_dim3=3)",
    "Convolution3D(4, 1, 2, 3, border_mode='same', subsample=(2, 1, 2), dim_ordering='th')",
    "Convolution3D(4, 1, 2, 3, init='one', bias=False, W_regularizer='l2', b_regularizer='l1',"
    " W_constraint='maxnorm', b_constraint='nonneg')",
    # legacy_recurrent_support
    "SimpleRNN(8)",
    "SimpleRNN(output_dim=8, init='one', inner_init='identity', activation='relu')",
    "SimpleRNN(8, W_regularizer=l2(0.5), U_regularizer=l1(0.5), b_regularizer='l2')",
    "SimpleRNN(8, dropout_W=0.5, dropout_U=0.25, consume_less='cpu')",
    "SimpleRNN(8, input_dim=3, input_length=5)",
    "GRU(8)",
    "GRU(output_dim=8, init='one', inner_init='uniform', inner_activation='tanh')",
    "GRU(8, inner_activation='sigmoid', return_sequences=True, go_backwards=True)",
    "GRU(8, W_regularizer=l2(0.5), U_regularizer=l1(0.5), b_regularizer='l2')",
    "GRU(8, dropout_W=0.5, dropout_U=0.25, consume_less='mem')",
    "GRU(8, input_dim=3)",
    "LSTM(8)",
    "LSTM(output_dim=8, init='one', inner_init='glorot_uniform', inner_activation='sigmoid')",
    "LSTM(8, forget_bias_init='one', activation='relu')",
    "LSTM(8, W_regularizer=l2(0.5), U_regularizer=l1(0.5), b_regularizer='l2')",
    "LSTM(8, dropout_W=0.5, dropout_U=0.25, consume_less='gpu')",
    "LSTM(8, stateful=True, unroll=True, batch_input_shape=(2, 5, 3))",
    "LSTM(8, input_dim=3, input_length=5, return_sequences=True)",
    "Bidirectional(LSTM(output_dim=8, init='one', inner_activation='sigmoid'),"
    " merge_mode='sum', input_shape=(5, 3))",
    # legacy_convlstm2d_support
    "ConvLSTM2D(4, 3, 5)",
    "ConvLSTM2D(nb_filter=4, nb_row=3, nb_col=5, init='one', inner_init='uniform',"
    " inner_activation='tanh', forget_bias_init='one')",
    "ConvLSTM2D(4, 3, 5, border_mode='same', subsample=(2, 2), dim_ordering='th')",
    "ConvLSTM2D(4, 3, 5, W_regularizer='l2', U_regularizer='l1', b_regularizer='l2',"
    " dropout_W=0.5, dropout_U=0.25, return_sequences=True)",
    # legacy_batchnorm_support
    "BatchNormalization()",
    "BatchNormalization(mode=0, axis=1, epsilon=1e-5, momentum=0.9)",
    "BatchNormalization(beta_init='one', gamma_init='uniform')",
    # legacy_prelu_support
    "PReLU()",
    "PReLU('one')",
    "PReLU(init='one', shared_axes=[1, 2])",
    # legacy_zeropadding*_support and legacy_cropping*_support
    "ZeroPadding2D()",
    "ZeroPadding2D((1, 2))",
    "ZeroPadding2D(padding=(1, 2), dim_ordering='th')",
    "ZeroPadding2D({'top_pad': 1, 'left_pad': 2})",
    "ZeroPadding2D(padding={'bottom_pad': 1, 'right_pad': 2}, dim_ordering='tf')",
    "ZeroPadding3D((1, 2, 3), dim_ordering='th')",
    "Cropping2D()",
    "Cropping2D(((1, 2), (3, 4)), dim_ordering='th')",
    "Cropping3D(cropping=((1, 2), (3, 4), (5, 6)), dim_ordering='tf')",
    # legacy_lambda_support
    "Lambda(lambda x: x * 2)",
    "Lambda(lambda x: x * 2, output_shape=(4,), arguments={'n': 3})",
    # legacy_input_support
    "InputLayer(input_shape=(3, 4), name='start')",
    "InputLayer(batch_input_shape=(2, 3), input_dtype='int32', name='second')",
    "InputLayer((3,), input_dtype='float64', name='other')",
)

#: Goes before the snippets about generators.
GENERATOR = """
class Source:
    def flow(self, batch_size):
        while True:
            yield np.ones((batch_size, 3)), np.zeros((batch_size, 1))

model = Sequential()
model.add(Dense(output_dim=1, input_dim=3, init='one'))
model.compile('sgd', 'mse')
"""

#: What needs more than an expression. Each is the rest of a file, and leaves ``thing``. Generators
#: give one sample at a time: 2.0.9 took numbers of samples for numbers of batches.
SNIPPETS = {
    "Model": """
a = Input(shape=(3,), name='a')
b = Dense(output_dim=2, init='one', name='b')(a)
thing = Model(input=a, output=b, name='m')
""",
    "Model of lists": """
a = Input(shape=(3,), name='a')
b = Input(batch_shape=(None, 2), name='b')
c = Dense(4, bias=False, name='c')(a)
d = Dense(5, activation='relu', name='d')(b)
thing = Model(input=[a, b], output=[c, d])
""",
    "Sequential": """
model = Sequential()
model.add(Convolution2D(4, 3, 5, dim_ordering='tf', input_shape=(8, 9, 3), name='a'))
model.add(MaxPooling2D(border_mode='same', dim_ordering='tf', name='b'))
model.add(Dropout(p=0.25, name='c'))
model.add(Dense(output_dim=2, init='one', name='d'))
thing = model
""",
    "fit_generator": """
ended = []
def train(source):
    return model.fit_generator(
        source.flow(batch_size=1), samples_per_epoch=3, nb_epoch=2, verbose=0, nb_worker=1,
        pickle_safe=False, max_q_size=1, validation_data=source.flow(batch_size=1),
        nb_val_samples=2,
        callbacks=[LambdaCallback(on_batch_end=lambda batch, logs: ended.append(batch))])
history = train(Source())
thing = [history.epoch, ended, history.history['val_loss']]
""",
    "evaluate_generator": """
def test(source):
    return model.evaluate_generator(source.flow(batch_size=1), val_samples=3, nb_worker=1,
                                    pickle_safe=False, max_q_size=1)
thing = test(Source())
""",
    "predict_generator": """
def use(source):
    return model.predict_generator(source.flow(batch_size=1), val_samples=3, nb_worker=1,
                                   pickle_safe=False, max_q_size=1)
thing = use(Source())
""",
    "add_weight": """
class Own(Layer):
    def build(self, input_shape):
        self.first = self.add_weight((3, 2), initializer='one', name='first')
        self.second = self.add_weight((2,), initializer='zero', name='second', trainable=False)
        super(Own, self).build(input_shape)

    def call(self, x, mask=None):
        return x

own = Own(name='own')
own.build((None, 3))
thing = [own.get_weights(), len(own.trainable_weights)]
""",
}

#: Snippets that no target has an equal for.
REPORTED = {
    "get_updates": """
sgd = SGD(lr=0.5)
w = K.variable(np.ones(2))
updates = sgd.get_updates([w], {}, K.sum(w))
""",
}

ALL = (*CALLS, *SNIPPETS)

#: Added to each file, so that its era is known.
BESIDE = "beside = Dense(output_dim=1, init='one')\n"


def code_of(which: str) -> str:
    """Return what a call or a snippet does, without its imports."""
    before = GENERATOR if which.endswith("_generator") else ""
    return before + SNIPPETS.get(which, REPORTED.get(which, f"thing = {which}\n"))


def file_of(which: str, beside: str = BESIDE) -> str:
    """Write a file of Keras 1 around a call or a snippet."""
    code = code_of(which)
    names = {"Dense"}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Name) and node.id in HOME:
            names.add(node.id)
    imports = [f"from {HOME[name]} import {name}\n" for name in sorted(names)]
    return f"import numpy as np\nfrom keras import backend as K\n{''.join(imports)}\n{beside}{code}"
