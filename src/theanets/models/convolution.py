"""The models whose data are images: (batch, width, height, channels)."""

from theanets.models import feedforward


class Regressor(feedforward.Regressor):
    """A model that predicts numbers from images.

    Its data are pairs: images (examples, width, height, channels) and targets
    (examples, outputs). Between the last layer of images and an output that is a
    vector there is a ``"flat"`` layer.

    Examples
    --------
    >>> import numpy as np, theanets
    >>> net = theanets.convolution.Regressor(
    ...     [(8, 8, 3), dict(form="conv2", size=4, filter_size=3), "flat", 2])
    >>> net.predict(np.zeros((5, 8, 8, 3))).shape
    (5, 2)
    """

    form = "convolution.Regressor"
    input_ndim = 4


class Classifier(feedforward.Classifier):
    """A model that predicts one of several classes from images.

    Its data are pairs: images (examples, width, height, channels) and labels
    (examples,), whole numbers from 0 on. Between the last layer of images and the
    output there is a ``"flat"`` layer.

    Examples
    --------
    >>> import numpy as np, theanets
    >>> net = theanets.convolution.Classifier(
    ...     [(28, 28, 1), dict(form="conv2", size=16, filter_size=5),
    ...      dict(form="pool2", pool_size=2), "flat", 10])
    >>> net.predict_proba(np.zeros((28, 28, 1))).shape
    (10,)
    """

    form = "convolution.Classifier"
    input_ndim = 4
