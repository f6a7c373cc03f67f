"""The tutorial on MNIST digits, block by block, as someone would paste it."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

import theanets

MODEL = """
net = theanets.Classifier(layers=[784, 100, 10])
"""

# The page reads the digits by another package; they come along here. Some of them
# are enough to see that the page runs, to where training stops by itself.
DATA = """
def load_mnist():
    train, valid, test = theanets.datasets.load_mnist()
    return [[x[:4000] for x in train], [x[:1000] for x in valid], test]
"""

TRAINING = """
train, valid, test = load_mnist()
net.train(train,
          valid,
          algo='nag',
          learning_rate=1e-3,
          momentum=0.9)
"""

PICTURE = """
img = np.zeros((28 * 10, 28 * 10), dtype='f')
for i, pix in enumerate(net.find('hid1', 'w').get_value().T):
    r, c = divmod(i, 10)
    img[r * 28:(r+1) * 28, c * 28:(c+1) * 28] = pix.reshape((28, 28))
plt.imshow(img, cmap=plt.cm.gray)
plt.show()
"""

PREDICTION = """
predicted_class = net.predict(new_digit)
"""


def test_the_page(monkeypatch):
    assert matplotlib.get_backend().lower() == "agg"
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(plt.gci().get_array()))
    page = {"theanets": theanets, "np": np, "plt": plt}
    for block in (MODEL, DATA, TRAINING, PICTURE):
        exec(block, page)
    images, labels = page["test"]
    assert page["net"].score(images, labels) > 0.9

    (picture,) = shown
    assert picture.shape == (280, 280)
    np.testing.assert_array_equal(picture, page["img"])
    tiles = picture.reshape(10, 28, 10, 28).std(axis=(1, 3))
    assert tiles.min() > 0
    plt.close("all")

    page["new_digit"] = images[0]
    exec(PREDICTION, page)
    assert page["predicted_class"] == labels[0] == 7
    page["new_digit"] = images[:5]
    exec(PREDICTION, page)
    assert page["predicted_class"].tolist() == labels[:5].tolist()
