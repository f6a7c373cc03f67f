"""Digits by an autoencoder of tied layers, trained layer by layer and then whole."""

import matplotlib.pyplot as plt
import numpy as np

import theanets
from data import load_mnist

train, valid, _ = load_mnist()

net = theanets.Autoencoder(
    layers=(784, 256, 100, 64, ("tied", 100), ("tied", 256), ("tied", 784)),
)
net.train(
    train,
    valid,
    algo="layerwise",
    patience=1,
    min_improvement=0.05,
    train_batches=100,
)
net.train(train, valid, min_improvement=0.01, train_batches=100)

weights = net.find("hid1", "w").get_value()
for layer in ("hid1", "hid2", "hid3"):
    if layer != "hid1":
        weights = weights @ net.find(layer, "w").get_value()
    theanets.plotting.features(weights, (28, 28))
plt.show()

error = np.mean((net.predict(valid) - valid) ** 2)
print(
    f"squared error on valid: {error:.4f}, of the mean image {valid.var(0).mean():.4f}"
)
