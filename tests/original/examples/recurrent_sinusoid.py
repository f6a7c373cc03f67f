"""Sine and cosine of a time and a frequency."""

import matplotlib.pyplot as plt
import numpy as np
import numpy.random as rng

import theanets

BATCH_SIZE = 32
T = np.linspace(0, 1, 100)


def concat(a, b):
    return np.concatenate([a, b], axis=2).astype("f")


def sines():
    f = np.exp(rng.uniform(0, 1, size=BATCH_SIZE))
    time = np.outer(np.ones(BATCH_SIZE), T)[..., None]
    freq = np.outer(f, np.ones_like(T))[..., None]
    z = 2 * np.pi * freq * time
    return concat(time, freq), concat(np.sin(z), np.cos(z))


src, tgt = sines()
theanets.log.info("data batches: %s -> %s", src.shape, tgt.shape)

exp = theanets.Experiment(theanets.recurrent.Regressor, layers=(2, ("rnn", 10), 2))
exp.train(sines, batch_size=BATCH_SIZE)
prd = exp.network.predict(src)

for i in range(3):
    ax = plt.subplot(3, 1, i + 1)
    ax.plot(tgt[i, :, 0], "--", label="Target Sine")
    ax.plot(tgt[i, :, 1], "--", label="Target Cosine")
    ax.plot(prd[i, :, 0], "-", lw=2, label="Predicted Sine")
    ax.plot(prd[i, :, 1], "-", lw=2, label="Predicted Cosine")
plt.legend()
plt.show()

print(f"R2: {exp.network.score(src, tgt):.4f}")
