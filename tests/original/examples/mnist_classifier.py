"""Digits by one hidden layer of 16 x 16 units."""

import matplotlib.pyplot as plt

import theanets
from data import load_mnist

train, valid, test = load_mnist(labels=True)

exp = theanets.Experiment(theanets.Classifier, layers=(784, 256, 10))
exp.train(train, valid, train_batches=100)

theanets.plotting.features(exp.network.find("hid1", "w"), (28, 28))
plt.show()

print(f"accuracy on test: {exp.network.score(*test):.4f}")
