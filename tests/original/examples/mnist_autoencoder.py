"""Digits by the code of 8 x 8 units."""

import matplotlib.pyplot as plt
import numpy as np

import theanets
from data import load_mnist

train, valid, _ = load_mnist()

N = 8

exp = theanets.Experiment(theanets.Autoencoder, layers=(784, N * N, 784))
exp.train(train, valid, train_batches=100)

theanets.plotting.features(exp.network.find("hid1", "w"), (28, 28))
plt.show()

sample = valid[: N * N]
for images in (sample, exp.network.predict(sample)):
    theanets.plotting.features(images.T, (28, 28))
plt.show()

error = np.mean((exp.network.predict(valid) - valid) ** 2)
print(
    f"squared error on valid: {error:.4f}, of the mean image {valid.var(0).mean():.4f}"
)
