"""Digits by three hidden layers, first without labels and then with them."""

import theanets
from data import load_mnist

exp = theanets.Experiment(theanets.Classifier, layers=(784, 1024, 256, 64, 10))

# First without labels, layer by layer.
train, valid, _ = load_mnist()
exp.train(
    train, valid, algo="pretrain", patience=1, min_improvement=0.1, train_batches=100
)

# Then with them.
train, valid, test = load_mnist(labels=True)
exp.train(train, valid, train_batches=100)

print(f"accuracy on test: {exp.network.score(*test):.4f}")
