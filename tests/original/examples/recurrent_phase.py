"""Sums of two sine waves, given back by a recurrent layer."""

import matplotlib.pyplot as plt
import numpy as np
import numpy.random as rng

import theanets

exp = theanets.Experiment(theanets.recurrent.Autoencoder, layers=(1, ("rnn", 10), 1))

T = 256
K = int(0.5 * T)
S = np.linspace(0, 4 * np.pi, T)


def sines(i=0):
    return (0.7 * np.sin(S) + 0.3 * np.sin(i * S / 2)).reshape((1, T, 1)).astype("f")


exp.train(
    lambda: [sines(rng.randint(K, T))],
    lambda: [sines(rng.randint(0, K))],
    train_batches=64,
)

source = sines(13)
match = exp.network.predict(source)

plt.plot(source[0], ".-", label="Target")
plt.plot(match[0], ".-", label="Output")
plt.plot(abs(source - match)[0], ".-", label="Error")
plt.legend()
plt.show()

print(f"R2: {exp.network.score(source):.4f}")
