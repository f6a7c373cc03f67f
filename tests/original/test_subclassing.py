"""Every class of every catalogue can be extended, and files tell models apart."""

import io

import numpy as np
import pytest

import theanets
from theanets import activations, losses, regularizers
from theanets.errors import ModelFileError
from theanets.layers import FORMS
from theanets.models.kinds import MODELS
from theanets.models.kinds import name_in_files as named
from theanets.models.saving import describe, rebuild


def classes(registry):
    found = {registry.lookup(name) for name in registry}
    return sorted(
        (c for c in found if c.__module__.startswith("theanets")),
        key=lambda c: c.__name__,
    )


@pytest.mark.parametrize(
    "registry",
    [FORMS, activations.REGISTRY, losses.REGISTRY, regularizers.REGULARIZERS],
)
def test_every_class_can_be_extended(registry):
    for number, cls in enumerate(classes(registry)):
        mine = type(f"Mine{number}{cls.__name__.replace(':', '')}", (cls,), {})
        assert registry.lookup(mine.__name__) is mine
        for alias in vars(cls).get("aliases", ()):
            assert registry.lookup(alias) is cls


def test_a_subclass_of_a_layer_is_saved_and_loaded():
    class MyFF(theanets.layers.Feedforward):
        pass

    class MyFlat(theanets.layers.Flatten):
        pass

    class MyIn(theanets.layers.Input):
        pass

    class MyLoss(theanets.losses.MeanAbsoluteError):
        pass

    class MyRelu(type(activations.build("relu"))):
        pass

    net = theanets.Regressor(
        [dict(size=3, form="myin"), "myflat", (4, "myff", "myrelu"), 2], loss="myloss"
    )
    x = np.ones((2, 3), "f4")
    file = io.BytesIO()
    net.save(file)
    back = theanets.load(file.getvalue())
    assert [type(layer) for layer in back.layers[:3]] == [MyIn, MyFlat, MyFF]
    assert type(back.losses[0]) is MyLoss
    assert type(back.layers[2].activation) is MyRelu
    np.testing.assert_array_equal(back.predict(x), net.predict(x))


def test_a_subclass_of_a_regularizer_has_a_keyword_of_its_own():
    class MyDecay(theanets.regularizers.WeightL2):
        pass

    class MyDrop(theanets.regularizers.Dropout):
        pass

    made = regularizers.take({"mydecay": 0.1, "weight_l2": 0.2, "mydrop": {"in*": 0.5}})
    assert [(r.form, r.weight) for r in made] == [
        ("mydecay", 0.1),
        ("mydrop", 0.5),
        ("weight_l2", 0.2),
    ]


def content(net):
    file = io.BytesIO()
    net.save(file)
    return file.getvalue()


def test_a_model_named_as_one_of_ours_is_the_users_own():
    class Autoencoder(theanets.Network):
        pass

    class Classifier(theanets.Classifier):
        pass

    ours, mine = theanets.Classifier([2, 2]), Classifier([2, 2])
    assert type(theanets.load(content(ours))) is theanets.Classifier
    assert type(theanets.load(content(mine))) is Classifier
    assert type(theanets.load(content(Autoencoder([2, 2])))) is Autoencoder
    assert type(theanets.load(content(theanets.Autoencoder([2, 2])))) is (
        theanets.Autoencoder
    )
    assert describe(ours._state)["model"] == "Classifier"
    assert describe(mine._state)["model"] == named(Classifier) != "Classifier"
    with pytest.raises(ModelFileError, match=r"holds a Classifier, not a .*Classifier"):
        Classifier.load(content(ours))


def described(net, name):
    return describe(net._state) | {"model": name}, net._state.arrays.now()


def test_a_class_that_has_moved_is_found_by_its_bare_name():
    class Wanderer(theanets.Regressor):
        pass

    net = Wanderer([2, 1])
    for name in ("__main__.Wanderer", "Wanderer", "old.module.Wanderer"):
        assert rebuild(*described(net, name)).kind is Wanderer
    other = type("Wanderer", (theanets.Regressor,), {"__module__": "elsewhere"})
    assert rebuild(*described(net, named(other))).kind is other
    with pytest.raises(ModelFileError, match=r"could be any.*elsewhere\.Wanderer"):
        rebuild(*described(net, "__main__.Wanderer"))
    del MODELS[named(other)], MODELS[named(Wanderer)]


def test_a_users_file_never_gives_one_of_our_classes():
    net = theanets.Regressor([2, 1])
    with pytest.raises(ModelFileError, match=r"unknown model 'nowhere\.Regressor'"):
        rebuild(*described(net, "nowhere.Regressor"))
