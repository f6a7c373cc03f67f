"""The first values of a sequence, to be given back at its end."""

import matplotlib.pyplot as plt
import numpy as np

import theanets

TIME = 10  # Steps of a sequence.
BITS = 3  # Steps to remember.
BATCH_SIZE = 32

# Only the last steps count.
mask = np.ones((BATCH_SIZE, TIME, 1), bool)
mask[:, : TIME - BITS] = 0


def generate():
    s, t = np.random.randn(2, BATCH_SIZE, TIME, 1).astype("f")
    s[:, :BITS] = t[:, -BITS:] = np.random.randn(BATCH_SIZE, BITS, 1)
    return s, t, mask


src, tgt, msk = generate()

exp = theanets.Experiment(
    theanets.recurrent.Regressor,
    layers=(1, dict(form="rnn", activation="relu", size=10, diagonal=1), 1),
    weighted=True,
)
exp.train(
    generate,
    batch_size=BATCH_SIZE,
    algo="rmsprop",
    max_gradient_norm=1,
    learning_rate=0.001,
    momentum=0.9,
    monitor_gradients=True,
)

out = exp.network.predict(src)[:, :, 0]
for number, (name, values) in enumerate((("Input", src[:, :, 0]), ("Output", out)), 1):
    ax = plt.subplot(2, 1, number)
    ax.imshow(values.T, cmap="gray")
    ax.set_ylabel(name)
plt.show()

error = np.mean((out - tgt[:, :, 0])[:, -BITS:] ** 2)
print(f"mean squared error: {error:.4f}, of zeros 1")
