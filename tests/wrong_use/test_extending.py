"""What a class of the user's own is answered when it asks for what is not there."""

from typing import ClassVar

import jax.numpy as jnp
import numpy as np
import pytest

import theanets
from theanets.errors import ConfigurationError
from theanets.optimizers import Hyperparam

X = np.ones((4, 3), "f4")
Y = np.ones((4, 2), "f4")


def train(net, **keywords):
    net.train((X, Y), max_epochs=1, progress=False, **keywords)


def layer(setup=lambda self: None, transform=None, **body):
    """Make a model with a layer of the user's own."""
    body |= {"setup": setup, "transform": transform or (lambda self, p, x: 1)}
    cls = type("Mine", (theanets.Layer,), body, abstract=True)
    return theanets.Regressor([3, cls(size=4), 2])


@pytest.mark.parametrize(
    ("arguments", "keywords", "says"),
    [
        (("w",), {}, "both sizes have to be given"),
        (("w", 3), {}, r"add_weights\('w', 3, None\): both sizes"),
        (("w", 3, 0), {}, "whole numbers from 1 on"),
        (("w", 3, 2.5), {}, "whole numbers from 1 on"),
        (("w", (3, 4)), {}, r"\(3, 4\).*two arguments, not one shape.*add_param"),
        ((3, 4, 5), {}, "the name comes first"),
        (("w",), {"size": 3}, "takes no keyword size"),
        (("w", 3, 4), {"scale": 1}, "takes no keyword scale"),
    ],
)
def test_add_weights_says_how_to_call_it(arguments, keywords, says):
    def setup(self):
        self.add_weights(*arguments, **keywords)

    with pytest.raises(ConfigurationError, match=says) as caught:
        layer(setup)
    assert 'self.add_weights("w", self.input_size, self.size)' in str(caught.value)
    assert 'layer "hid1": ' in str(caught.value)


def weights(self):
    self.add_weights("w", self.input_size, self.size)


def test_a_layer_is_told_which_parameters_and_inputs_there_are():
    for transform, asked in (
        (lambda self, params, inputs: inputs["in:out"] @ params["W"], "'W'"),
        (lambda self, params, inputs: inputs["in"] @ params["w"], "'in'"),
    ):
        says = rf"asks for {asked}.* parameters \(w\) nor of its inputs \(in:out\)"
        with pytest.raises(ConfigurationError, match=says) as caught:
            layer(weights, transform)
        assert "Did you mean" in str(caught.value)


def test_a_layer_is_told_so_too_of_what_it_does_while_it_trains():
    net = layer(
        weights,
        lambda self, params, inputs: inputs["in:out"] @ params["w"],
        trains_differently=True,
        transform_training=lambda self, params, inputs, key: params["mean"],
    )
    with pytest.raises(ConfigurationError, match="transform_training asks for 'mean'"):
        train(net)


def test_a_key_of_the_user_s_own_dict_is_no_name_of_ours():
    own = {"a": 1}

    def transform(self, params, inputs):
        return inputs["in:out"] @ params["w"] * own[("b", 1)]

    with pytest.raises(ConfigurationError, match="fails for inputs"):
        layer(weights, transform)


class Far(theanets.Loss, register=False):
    def terms(self, outputs, target):
        return jnp.square(outputs["hid"] - target)


class FarWhole(theanets.Loss, register=False):
    def __call__(self, outputs, target, weights=None):
        return jnp.square(outputs["out"] - target).mean()


@pytest.mark.parametrize(("loss", "asked"), [(Far, "hid"), (FarWhole, "out")])
def test_a_loss_is_told_which_outputs_there_are(loss, asked):
    says = rf"{loss.form()} loss: it asks for '{asked}', which is none of the outputs "
    with pytest.raises(ConfigurationError, match=says) as caught:
        train(theanets.Regressor([3, 4, 2], loss=loss()))
    assert "hid1:out, hid1:pre, in:out, out:out" in str(caught.value)
    assert "Did you mean" in str(caught.value)


def test_a_loss_of_an_output_that_names_no_layer_lists_them():
    for name in ("hid9", "hid1:after"):
        with pytest.raises(ConfigurationError, match=r"(Layers: in, hid1|It has: out)"):
            theanets.Regressor([3, 4, 2], loss={"form": "mse", "output_name": name})


def test_a_penalty_is_told_which_parameters_and_outputs_there_are():
    class Far(theanets.Regularizer, register=False):
        def penalty(self, evaluation):
            return evaluation.params["hid2.w"].sum()

    with pytest.raises(
        ConfigurationError, match=r"asks for 'hid2.w'.*hid1.w"
    ) as caught:
        train(theanets.Regressor([3, 4, 2]), regularizers=[Far(0.1)])
    assert 'Did you mean "hid1.w"' in str(caught.value)


def none(self, gradient, state, param, hyperparams):
    state["mean"] = gradient


def short(self, gradient, state, param, hyperparams):
    return gradient.sum(axis=0)


def unknown(self, gradient, state, param, hyperparams):
    return hyperparams["lr"] * gradient


def slot(self, gradient, state, param, hyperparams):
    state["mean"] = gradient.sum()
    return gradient


def another_slot(self, gradient, state, param, hyperparams):
    state["square"] = gradient**2
    return gradient


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (none, r"its step returned None for a parameter of shape \(\d"),
        (short, r"its step returned an array of shape \(.*subtracted"),
        (
            unknown,
            r"asks for 'lr', .* hyperparams \(learning_rate\) nor of its slots",
        ),
        (slot, r'put an array of shape \(\) into state\["mean"\].* slots: mean\.'),
        (another_slot, r'into state\["square"\].* slots: mean\.'),
    ],
)
def test_an_optimizer_is_told_what_a_step_is(step, says):
    name = f"wrong{step.__name__}".replace("_", "")
    type(name, (theanets.Optimizer,), {"step": step, "slots": {"mean": 0.0}})
    with pytest.raises(ConfigurationError, match=says) as caught:
        train(theanets.Regressor([3, 4, 2]), algo=name)
    assert f'algo "{name}": its step' in str(caught.value)


def test_an_optimizer_without_a_step_is_refused():
    with pytest.raises(ConfigurationError, match="no step and no transformation"):
        type("Idle", (theanets.Optimizer,), {})


def test_a_keyword_of_an_optimizer_is_a_hyperparam():
    says = r'class Plain: hyperparams\["beta"\] is 0.9; .*Hyperparam\(0.9'
    with pytest.raises(ConfigurationError, match=says):

        class Plain(theanets.Optimizer):
            hyperparams: ClassVar = {"beta": 0.9}

    assert "plain" not in theanets.optimizers.ALGORITHMS


def test_what_an_optimizer_remembers_is_declared():
    class Forgetful(theanets.Optimizer):
        def step(self, gradient, state, param, hyperparams):
            state["m"] = gradient
            return hyperparams["learning_rate"] * gradient

    with pytest.raises(ConfigurationError, match=r'slots = \{"m": 0.0\}'):
        train(theanets.Regressor([3, 2]), algo="forgetful")


def test_the_types_of_a_kind_of_data_are_a_tuple():
    with pytest.raises(ConfigurationError, match=r"class Table: types is .*a tuple"):

        class Table(theanets.data.LazyArray):
            types = dict


@pytest.mark.parametrize(
    "body",
    [{"slots": {"velocity": 0.0}}, {"hyperparams": {"momentum": Hyperparam(0.5)}}],
    ids=["slot", "hyperparam"],
)
def test_names_that_every_optimizer_has_are_refused(body):
    (name,) = next(iter(body.values()))
    says = f"class Mine: the name {name} is taken"
    with pytest.raises(ConfigurationError, match=says):
        type("Mine", (theanets.Optimizer,), body)


def test_a_kind_of_data_says_for_which_values_it_is():
    says = r"class Table does not say for which values it is.* types = \(Table,\)"
    with pytest.raises(ConfigurationError, match=says):

        class Table(theanets.data.LazyArray):
            def rows(self, index):
                return np.ones((3, 2))[index]


class ForgetfulLayer(theanets.Layer, register=False):
    def __init__(self, *, depth=1):
        self.depth = depth


class ForgetfulActivation(theanets.Activation, register=False):
    def __init__(self):
        self.slope = 1


class ForgetfulLoss(theanets.Loss, register=False):
    def __init__(self):
        self.power = 2


@pytest.mark.parametrize(
    "use",
    [
        lambda: theanets.Regressor([3, ForgetfulLayer(), 1]),
        lambda: repr(ForgetfulActivation()),
        lambda: theanets.Regressor([3, 1], loss=ForgetfulLoss()),
    ],
    ids=["layer", "activation", "loss"],
)
def test_a_constructor_calls_the_one_of_its_base(use):
    says = r"no attribute.*Does its __init__ call super\(\).__init__\(\*\*kwargs\)"
    with pytest.raises(AttributeError, match=says):
        use()


def test_an_attribute_that_is_missing_otherwise():
    layer = theanets.layers.Feedforward(size=3)
    with pytest.raises(AttributeError, match=r"'Feedforward'.*attribute 'sizes'$"):
        layer.sizes  # noqa: B018


def test_a_regularizer_may_call_its_weight_otherwise():
    class Strength(theanets.Regularizer):
        def __init__(self, strength, **kwargs):
            super().__init__(strength, **kwargs)

        def penalty(self, evaluation):
            return evaluation.params["out.b"].sum() ** 2

    net, data = theanets.Regressor([4, 1]), (np.ones((9, 4)), np.ones((9, 1)))
    net.train(data, strength=0.5, max_epochs=1, progress=False)


def test_a_subclass_of_dataset_has_a_part_held_out():
    class Numbered(theanets.Dataset):
        def __init__(self, count):
            super().__init__((np.ones((count, 4)), np.ones((count, 1))))

    net = theanets.Regressor([4, 1])
    net.train(Numbered(40), 0.25, max_epochs=1, progress=False)
    assert len(net.history) == 1
