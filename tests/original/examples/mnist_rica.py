"""Strokes of digits, by independent components of the whitened images.

The one line of the original that had to change is the class: its penalty was an
overridden `loss` of the model, and is a regularizer now.
"""

import matplotlib.pyplot as plt
import numpy as np

import theanets
from data import load_mnist


class WeightInverse(theanets.Regularizer):
    aliases = ("weight_inverse",)
    over_params = True

    def penalty(self, evaluation):
        return sum(
            (1 / (w * w).sum(axis=0)).sum()
            for w in evaluation.params.values()
            if w.ndim > 1
        )


train, valid, _ = load_mnist()
train = train - 0.5
valid = valid - 0.5

# 99 % of the variance of the digits.
K = 197
values, vectors = np.linalg.eigh(np.dot(train.T, train) / len(train))
values = np.sqrt(values[::-1][:K])
vectors = vectors[:, ::-1][:, :K]


def whiten(x):
    return np.dot(x, vectors / values)


def color(z):
    return np.dot(z, (vectors * values).T)


N = 20

net = theanets.Autoencoder([K, (N * N, "linear"), (K, "tied")])
net.train(
    whiten(train),
    whiten(valid),
    hidden_l1=0.001,
    weight_inverse=1e-6,
    train_batches=300,
    monitors={"hid1:out": (-0.9, -0.1, 0.1, 0.9)},
)

theanets.plotting.features(color(net.find("hid1", "w").get_value().T).T, (28, 28))
plt.show()

print(f"R2 on valid: {net.score(whiten(valid)):.4f}")
