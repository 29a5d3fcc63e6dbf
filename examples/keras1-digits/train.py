"""Train the network from scratch."""
from keras.callbacks import EarlyStopping, ModelCheckpoint
from keras.optimizers import SGD

from digits import data, network

batch_size = 128
nb_epoch = 12


def train(model, generator, X, Y, validation_data):
    """One epoch of plain digits, then those of a generator."""
    model.fit(X, Y, batch_size=batch_size, nb_epoch=1, verbose=2,
              validation_data=validation_data)
    model.fit_generator(generator.flow(X, Y, batch_size=batch_size),
                        samples_per_epoch=len(X),
                        nb_epoch=nb_epoch,
                        validation_data=validation_data,
                        callbacks=[EarlyStopping(monitor='val_loss', patience=3),
                                   ModelCheckpoint('digits.h5', save_best_only=True)])


if __name__ == '__main__':
    (X_train, Y_train), (X_test, Y_test) = data.load()

    model = network.build(data.input_shape(), data.NB_CLASSES)
    model.compile(loss='categorical_crossentropy',
                  optimizer=SGD(lr=0.05, momentum=0.9, nesterov=True),
                  metrics=['accuracy'])
    train(model, data.Noise(0.05), X_train, Y_train, (X_test, Y_test))

    loss, accuracy = model.evaluate(X_test, Y_test, verbose=0)
    print('Test accuracy: %.4f' % accuracy)
