"""A loss says which output it reads, whatever the last layer is called."""

import numpy as np

import theanets


def test_the_last_layer_that_was_added():
    net = theanets.Regressor()
    net.add_layer(4)
    net.add_layer(dict(size=3, name="first"))
    assert net.losses[0].output_name == "first:out"
    net.add_layer(dict(size=2, name="q"))
    assert net.losses[0].output_name == "q:out"
    x = np.ones((8, 4))
    training, _ = net.train([x, x[:, :2]], max_epochs=1, progress=False)
    assert training["loss"] > 0


def test_the_name_of_an_output_layer():
    net = theanets.Classifier([4, 3, dict(size=2, name="q")])
    assert [loss.output_name for loss in net.losses] == ["q:out"]
    net.add_loss("xe", weight=0.5)
    assert [loss.output_name for loss in net.losses] == ["q:out", "q:out"]


def test_an_autoencoder_compares_with_its_input():
    net = theanets.Autoencoder([dict(size=4, name="pixels"), 2, 4])
    assert net.losses[0].target == "pixels"


def test_a_loss_that_was_told_keeps_its_output():
    net = theanets.Regressor([4, 3, 2])
    net.add_loss("mse", output_name="hid1", target="other")
    net.add_layer(dict(size=2, name="q"))
    assert [loss.output_name for loss in net.losses] == ["q:out", "hid1:out"]
