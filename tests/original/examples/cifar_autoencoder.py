"""Colour images by a denoising autoencoder of their principal components."""

import matplotlib.pyplot as plt
import numpy as np

import theanets
from data import load_cifar

train, valid, _ = load_cifar()
K = 100


def pca(dataset):
    mean = dataset[:3000].mean(axis=0)
    x = dataset[:3000] - mean
    values, vectors = np.linalg.eigh(np.dot(x.T, x) / len(x))
    values = np.sqrt(values[::-1][:K])
    vectors = vectors[:, ::-1][:, :K]

    def whiten(x):
        return np.dot(x, vectors / values)

    def color(z):
        return np.dot(z, (vectors * values).T)

    return whiten, color


whiten, color = pca(train)

feat = int(np.sqrt(4 * K))
exp = theanets.Experiment(theanets.Autoencoder, layers=(K, feat**2, K))
exp.train(whiten(train), whiten(valid), input_noise=1, train_batches=100)

features = color(exp.network.find("hid1", "w").get_value().T).T
theanets.plotting.features(features, (16, 16, 3))
plt.show()

print(f"R2 on valid: {exp.network.score(whiten(valid)):.4f}")
