"""The sum of two numbers that are marked in a sequence."""

import numpy as np
import numpy.random as rng

import theanets

BATCH_SIZE = 32
STEPS = 20

weight = np.zeros((BATCH_SIZE, STEPS, 1), "f")
weight[:, -1:] = 1


def examples():
    x, z = rng.uniform(0, 1, size=(2, BATCH_SIZE, STEPS, 1))
    y = np.zeros((BATCH_SIZE, STEPS, 1))
    idx = list(range(STEPS - 1))
    for b in range(BATCH_SIZE):
        rng.shuffle(idx)
        y[b, idx[0]] = 1
        y[b, idx[1]] = 1
        z[b, -1] = x[b, idx[0]] + x[b, idx[1]]
    return np.concatenate([x, y], axis=2).astype("f"), z.astype("f"), weight


src, tgt, wgt = examples()
theanets.log.info("data batches: %s -> %s @ %s", src.shape, tgt.shape, wgt.shape)

exp = theanets.Experiment(
    theanets.recurrent.Regressor,
    layers=(2, dict(form="rnn", activation="relu", size=100, radius=1), 1),
    weighted=True,
)
exp.train(examples)
prd = exp.network.predict(src)

print(f"mean squared error: {np.mean((prd - tgt)[:, -1] ** 2):.4f}, of the mean 0.167")
