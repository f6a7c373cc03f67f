"""Digits by 100 filters of half their size."""

import matplotlib.pyplot as plt

import theanets
from data import load_mnist

train, valid, _ = load_mnist(labels=True)


def shape(data):
    images, labels = data
    return images.reshape((-1, 28, 28, 1)), labels


N = 10

net = theanets.convolution.Classifier(
    [
        (28, 28, 1),
        dict(form="conv2", size=N * N, filter_size=(14, 14)),
        "flat",
        10,
    ]
)
net.train(shape(train), shape(valid), train_batches=100, valid_batches=100)

filters = net.find("hid1", "w").get_value()
theanets.plotting.features(filters.reshape(14 * 14, -1), (14, 14))
plt.show()

print(f"accuracy on valid: {net.score(*shape(valid)):.4f}")
