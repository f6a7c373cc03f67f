"""Every class of ours can be subclassed, and a user's class is the user's."""

import io

import numpy as np
import pytest

import theanets
from theanets import files, saving
from theanets.errors import ModelFileError
from theanets.layers import FORMS
from theanets.losses import REGISTRY as LOSSES
from theanets.regularizers import REGULARIZERS

X = np.random.default_rng(0).normal(size=(8, 4))


def classes(registry):
    found = {registry.lookup(name) for name in registry}
    ours = [cls for cls in found if cls.__module__.startswith("theanets.")]
    return sorted(ours, key=lambda cls: cls.__name__)


CATALOGUES = {
    "layer": FORMS,
    "loss": LOSSES,
    "regularizer": REGULARIZERS,
    "activation": theanets.activations.REGISTRY,
}


@pytest.mark.parametrize("kind", CATALOGUES)
def test_every_class_of_a_catalogue(kind):
    registry = CATALOGUES[kind]
    for cls in classes(registry):
        own = type(f"Sub{kind}{cls.__name__}", (cls,), {})
        assert registry.lookup(own.__name__) is own
        for alias in getattr(cls, "aliases", ()):
            assert registry.lookup(alias) is not own


def test_layer_of_a_subclass_is_saved():
    class Wide(theanets.layers.Feedforward):
        pass

    net = theanets.Regressor([4, dict(form="wide", size=3), 2])
    data = X, X[:, :2]
    net.train(data, max_epochs=1, progress=False)
    loaded = type(net).load(saved(net))
    assert type(loaded.layers[1]) is Wide
    np.testing.assert_array_equal(loaded.predict(X), net.predict(X))


def test_loss_of_a_subclass_is_saved():
    class Tripled(theanets.losses.MeanSquaredError):
        def terms(self, outputs, target):
            return 3 * super().terms(outputs, target)

    net = theanets.Regressor([4, 2], loss="tripled")
    loaded = theanets.load(saved(net))
    assert type(loaded.losses[0]) is Tripled


def test_regularizer_of_a_subclass_has_a_keyword_of_its_own():
    class Doubled(theanets.regularizers.WeightL2):
        def penalty(self, evaluation):
            return 2 * super().penalty(evaluation)

    def added(**regularizer):
        net = theanets.Regressor([4, 2])
        data = X, X[:, :2]
        how = dict(algo="sgd", learning_rate=0.0, max_epochs=1, progress=False)
        training, _ = net.train(data, **how, **regularizer)
        return training["loss"] - training["err"]

    assert Doubled(0.1).form == "doubled"
    assert added(doubled=0.1) == pytest.approx(2 * added(weight_l2=0.1), rel=1e-5)


def test_noise_of_a_subclass():
    class Brief(theanets.regularizers.Dropout):
        pass

    net = theanets.Regressor([4, 3, 2])
    noisy = net.predict(X, brief=dict(weight=0.9, pattern="hid1:out"))
    assert not np.array_equal(noisy, net.predict(X))


def test_a_users_model_may_have_the_name_of_ours():
    class Autoencoder(theanets.Network):
        def encode_all(self, x):
            return self.predict(x)

    class Classifier(theanets.Classifier):
        pass

    own = Autoencoder([4, 2, 4])
    assert type(theanets.load(saved(own))) is Autoencoder
    ours = theanets.Autoencoder([4, 2, 4])
    assert type(theanets.load(saved(ours))) is theanets.Autoencoder
    assert type(theanets.load(saved(Classifier([4, 2])))) is Classifier
    assert (
        type(theanets.load(saved(theanets.Classifier([4, 2])))) is theanets.Classifier
    )
    with pytest.raises(ModelFileError, match=r"holds a .*<locals>\.Autoencoder, not a"):
        theanets.Autoencoder.load(saved(own))


def test_a_model_whose_class_has_moved():
    class Moved(theanets.Network):
        pass

    description, arrays = files.read(saved(Moved([4, 2])))
    description["model"] = "__main__.Moved"
    assert type(saving.rebuild(description, arrays)) is Moved
    description["model"] = "Moved"
    assert type(saving.rebuild(description, arrays)) is Moved

    def second():
        class Moved(theanets.Network):
            pass

        return Moved

    other = second()
    with pytest.raises(ModelFileError, match="several classes are called Moved"):
        saving.rebuild(description, arrays)
    assert other is not Moved


def test_a_file_of_an_unknown_class_is_never_one_of_ours():
    description, arrays = files.read(saved(theanets.Regressor([4, 2])))
    description["model"] = "nowhere.Regressor"
    with pytest.raises(ModelFileError, match=r"unknown model 'nowhere\.Regressor'"):
        saving.rebuild(description, arrays)


def saved(net):
    file = io.BytesIO()
    net.save(file)
    return file.getvalue()
