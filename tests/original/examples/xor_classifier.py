"""The exclusive or of two bits."""

import numpy as np

import theanets

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype="f")
Y = np.array([[0], [1], [1], [0]], dtype="f")

exp = theanets.Experiment(theanets.Regressor, layers=(2, 2, 1), rng=2)
exp.train([X, Y], algo="rprop", patience=10, batch_size=4)

print("predictions:", *exp.network.predict(X).round(2).ravel())
