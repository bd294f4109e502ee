"""Makes the model files of this folder: run with TensorFlow 2.15, whose Keras is the last Keras 2.

pip install "tensorflow-cpu==2.15.*" && python make.py
"""

import pathlib

import numpy as np
import tensorflow as tf

L = tf.keras.layers
HERE = pathlib.Path(__file__).parent
CLASSES = {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}

MODELS = {
    "perceptron": (
        [
            L.Dense(6, input_shape=(4,), activation="relu", kernel_regularizer="l2"),
            L.BatchNormalization(),
            L.LeakyReLU(alpha=0.2),
            L.Dropout(0.3),
            L.Dense(3, activation="softmax", trainable=False),
        ],
        CLASSES,
    ),
    "pictures": (
        [
            L.InputLayer((8, 8, 2)),
            L.Conv2D(3, 3, activation="relu", kernel_constraint="max_norm"),
            L.MaxPooling2D(),
            L.SeparableConv2D(4, 2, padding="same"),
            L.PReLU(shared_axes=[1, 2]),
            L.Flatten(),
            L.Dense(3, activation="softmax"),
        ],
        {**CLASSES, "optimizer": tf.keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True)},
    ),
    "sequences": (
        [
            L.Embedding(7, 4, input_length=5, mask_zero=True),
            L.Bidirectional(L.LSTM(3, return_sequences=True)),
            L.GRU(4, return_sequences=True),
            L.TimeDistributed(L.Dense(4, activation="elu")),
            L.SimpleRNN(3, activation="tanh", kernel_initializer="he_normal"),
            L.Dense(1, activation="sigmoid"),
        ],
        {
            "optimizer": tf.keras.optimizers.RMSprop(0.01),
            "loss": tf.keras.losses.BinaryCrossentropy(label_smoothing=0.1),
            "metrics": [tf.keras.metrics.AUC(num_thresholds=50), "mae"],
        },
    ),
}

for name, (layers, settings) in MODELS.items():
    tf.keras.utils.set_random_seed(1)
    model = tf.keras.Sequential(layers)
    model.compile(**settings)
    shape = model.input_shape[1:]
    x = np.random.rand(12, *shape).astype("float32")
    if name == "sequences":
        x = np.floor(7 * x)
    y = np.arange(12) % model.output_shape[-1] if name != "sequences" else np.arange(12) % 2
    model.fit(x, y, epochs=2, verbose=0)
    model.save(HERE / f"{name}.h5")
    model.save_weights(HERE / f"{name}_weights.h5")
    loss = model.evaluate(x, y, verbose=0)[0]
    np.savez(HERE / f"{name}.npz", x=x, y=y, predicted=model.predict(x, verbose=0), loss=loss)
