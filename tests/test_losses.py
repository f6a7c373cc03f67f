"""Every loss against the original's numbers, finite differences, and misuse."""

import json
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from jax.test_util import check_grads

import theanets
from theanets import activations
from theanets.errors import ConfigurationError
from theanets.losses import Loss, mean

from .golden import case, cases

# Those that compare one output with a target element by element.
FORMS = ["mse", "mae", "huber", "xe", "bce", "hinge", "kl"]
OWN_KEYWORDS = {"huber": {"delta": 1.0}}
GOLDEN = [name for name in cases("losses") if case(name)[0]["form"] in FORMS]
CLOSE = {"rtol": 1e-4, "atol": 1e-6}


@pytest.fixture
def x64():
    with jax.enable_x64(True):
        yield


def softmax_layer(spec="softmax"):
    return {"out": SimpleNamespace(activation=activations.build(spec))}


def example(form, shape=(6, 3), dtype=None):
    """An output of probabilities, away from every corner, and a target."""
    rng = np.random.default_rng(3)
    output = jnp.asarray(rng.dirichlet(np.ones(shape[-1]), shape[:-1]), dtype)
    if Loss.build(form).integer_target:
        return output, jnp.asarray(rng.integers(0, shape[-1], shape[:-1]), jnp.uint8)
    target = rng.dirichlet(np.ones(shape[-1]), shape[:-1])
    return output, jnp.asarray(target, dtype)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name):
    meta, arrays = case(name)
    loss = Loss.build(meta["form"], **meta["kwargs"])
    target, weights = jnp.asarray(arrays["target"]), arrays.get("weights")

    def value(output):
        terms = loss.terms({"out:out": output}, target)
        # The original took the absolute value of every term of the divergence.
        return mean(jnp.abs(terms) if meta["form"] == "kl" else terms, weights)

    output = jnp.asarray(arrays["network_output/out:out"])
    got, gradient = jax.value_and_grad(value)(output)
    np.testing.assert_allclose(got, arrays["value"], **CLOSE)
    # A term that is 0, as for equal probabilities, is a corner of its magnitude.
    smooth = np.ones(output.shape, bool)
    if meta["form"] == "kl":
        smooth = output != target
    np.testing.assert_allclose(
        gradient[smooth], arrays["grad/out:out"][smooth], **CLOSE
    )
    if meta["form"] != "kl":
        np.testing.assert_allclose(
            loss({"out:out": output}, target, weights), arrays["value"], **CLOSE
        )
    if "accuracy" in arrays:
        accuracy = loss.accuracy({"out:out": output}, target, weights)
        np.testing.assert_allclose(accuracy, arrays["accuracy"], **CLOSE)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_finite_differences(form, weighted, x64):
    output, target = example(form)
    weights = jnp.arange(6.0)[:, None] if weighted else None
    weights = weights[:, 0] if weighted and target.ndim == 1 else weights
    loss = Loss.build(form)
    check_grads(
        lambda output: loss({"out:out": output}, target, weights), (output,), order=1
    )


def test_finite_differences_from_logits(x64):
    loss = Loss.build("xe").bind(softmax_layer())
    _, labels = example("xe")
    logits = jnp.asarray(np.random.default_rng(1).normal(size=(6, 3)))
    check_grads(lambda x: loss({"out:pre": x}, labels), (logits,), order=1)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_precision_is_that_of_the_output(form, dtype, x64):
    loss = Loss.build(form)
    output, target = example(form, dtype=dtype)
    wide = target if loss.integer_target else target.astype("float64")
    for weights in (None, jnp.ones(target.shape, "float64")):
        assert loss({"out:out": output}, wide, weights).dtype == dtype
    assert loss.terms({"out:out": output}, target).shape == target.shape
    if loss.has_accuracy:
        assert loss.accuracy({"out:out": output}, target).dtype == dtype


@pytest.mark.parametrize("form", FORMS)
def test_a_perfect_output_has_no_loss_and_no_force(form):
    target = jnp.eye(3)
    truth = jnp.arange(3) if Loss.build(form).integer_target else target
    value, gradient = jax.value_and_grad(
        lambda output: Loss.build(form)({"out:out": output}, truth)
    )(target)
    np.testing.assert_allclose(value, 0, atol=1e-6)
    # Probabilities push on in the one direction that they cannot take.
    assert form in ("xe", "bce", "kl") or not gradient.any()


def test_divergence_is_that_of_the_definition():
    output, target = example("kl", (50, 4))
    expected = (target * np.log(target / output)).sum() / 200
    got = Loss.build("kl")({"out:out": output}, target)
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    assert got > 0


def test_softmax_and_cross_entropy_are_one_stable_computation():
    loss = Loss.build("xe")
    bound = loss.bind(softmax_layer())
    logits, labels = 3 * jax.random.normal(jax.random.key(0), (8, 5)), jnp.arange(8) % 5
    outputs = {"out:pre": logits, "out:out": jax.nn.softmax(logits)}
    np.testing.assert_allclose(bound(outputs, labels), loss(outputs, labels), rtol=1e-6)
    far = {"out:pre": jnp.array([[0.0, 1e4]]), "out:out": jnp.array([[0.0, 1.0]])}
    wrong = jnp.array([0])
    np.testing.assert_allclose(bound(far, wrong), 1e4)
    np.testing.assert_allclose(loss(far, wrong), -np.log(1e-8), rtol=1e-6)
    force = jax.grad(lambda x: bound(far | {"out:pre": x}, wrong))(far["out:pre"])
    assert force.tolist() == [[-1, 1]]
    assert bound.key() != loss.key()


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("out", softmax_layer("relu+softmax")),
        ("out", softmax_layer(lambda x: x)),
        ("out", {"out": object()}),
    ],
)
def test_other_outputs_are_taken_as_probabilities(name, layers):
    loss = Loss.build("xe", output_name=name)
    assert loss.bind(layers).logits_name is None


def test_weights_are_per_element_or_per_example():
    output, target = jnp.arange(6.0).reshape(3, 2), jnp.zeros((3, 2))
    loss = Loss.build("mse")
    per_example = loss({"out:out": output}, target, jnp.array([1, 0, 1]))
    np.testing.assert_allclose(per_example, (0 + 1 + 16 + 25) / 4)
    per_element = jnp.array([[1, 0], [0, 0], [0, 3]])
    got = loss({"out:out": output}, target, per_element)
    np.testing.assert_allclose(got, 75 / 4)
    np.testing.assert_allclose(
        loss({"out:out": output}, target, jnp.ones((3, 2))),
        loss({"out:out": output}, target),
    )


def test_no_weight_at_all_is_no_loss():
    output, target = example("mse")
    value, gradient = jax.value_and_grad(
        lambda output: Loss.build("mse")({"out:out": output}, target, jnp.zeros(6))
    )(output)
    assert value == 0
    assert not gradient.any()


def test_hinge_shares_its_force_among_equal_scores():
    scores, label = jnp.array([[3.0, 3.0, 1.0]]), jnp.array([2])
    loss = Loss.build("hinge")
    value, force = jax.value_and_grad(lambda q: loss({"out:out": q}, label))(scores)
    assert value == 2
    assert force.tolist() == [[0.5, 0.5, -1]]


def test_a_label_that_is_no_class_shows():
    loss = Loss.build("xe")
    assert np.isnan(loss({"out:out": jnp.ones((1, 3)) / 3}, jnp.array([3])))


@pytest.mark.parametrize("form", FORMS)
def test_spec_round_trip(form):
    loss = Loss.build(form, weight=2, output_name="hid1", target="y", weighted=True)
    spec = json.loads(json.dumps(loss.to_spec()))
    assert spec == {
        "form": form, "weight": 2.0, "output_name": "hid1:out", "target": "y",
        "weighted": True, **OWN_KEYWORDS.get(form, {}),
    }  # fmt: skip
    again = Loss.build(**spec)
    assert (again.key(), again.to_spec()) == (loss.key(), loss.to_spec())
    assert loss.serializable


def test_key_tells_computations_apart_but_not_weights():
    key = Loss.build("mse").key()
    assert key == Loss.build("meansquarederror", weight=3).key()
    others = [
        Loss.build("mae"),
        Loss.build("mse", output_name="hid1"),
        Loss.build("mse", target="other"),
        Loss.build("mse", weighted=True),
        Loss.build(jnp.subtract),
    ]
    assert len({key, *(loss.key() for loss in others)}) == 6


def test_a_function_is_a_loss():
    loss = Loss.build(lambda output, target: (output - target) ** 4, weight=2)
    value = loss({"out:out": jnp.array([3.0])}, jnp.array([1.0]))
    assert (value, loss.weight, loss.serializable) == (16, 2, False)


def test_a_subclass_is_known_at_once():
    class Quantile(Loss):
        aliases = ("pinball",)

        def __init__(self, *, level=0.5, **kwargs):
            super().__init__(**kwargs)
            self.level = level

        def terms(self, outputs, target):
            error = target - outputs[self.output_name]
            return jnp.maximum(self.level * error, (self.level - 1) * error)

    loss = Loss.build("pinball", level=0.9, weight=0.5)
    assert loss({"out:out": jnp.zeros(1)}, jnp.ones(1)) == np.float32(0.9)
    assert loss.to_spec()["level"] == 0.9
    assert Loss.build(**loss.to_spec()).key() == loss.key()
    assert Loss.build("quantile").key() != loss.key()
    with pytest.raises(ConfigurationError, match='Did you mean "level"'):
        Loss.build("pinball", levle=0.9)
    loss.table = np.zeros(3)
    assert hash(loss.key()) == hash(loss.key())


def test_a_loss_is_used_as_it_is():
    loss = Loss.build("mae")
    assert Loss.build(loss) is loss
    with pytest.raises(ConfigurationError, match=r"made already\. Give weight to its"):
        Loss.build(loss, weight=2)


@pytest.mark.parametrize(
    ("form", "kwargs", "message"),
    [
        ("mes", {}, "unknown loss 'mes'.*Did you mean"),
        ("mse", {"wieght": 2}, "unknown keyword 'wieght'.*Did you mean \"weight\""),
        ("mse", {"weight": "x"}, "weight is 'x'; it has to be a finite number"),
        (3, {}, "the loss is 3"),
    ],
)
def test_errors_say_what_to_do(form, kwargs, message):
    with pytest.raises(ConfigurationError, match=message):
        Loss.build(form, **kwargs)


def test_a_missing_layer_is_an_error():
    loss = Loss.build("xe", output_name="uot")
    with pytest.raises(ConfigurationError, match=r'"uot:out".*Did you mean "out"'):
        loss.bind(softmax_layer())


def test_only_labels_have_an_accuracy():
    with pytest.raises(ConfigurationError, match="a mse loss has no accuracy"):
        Loss.build("mse").accuracy({}, jnp.zeros(1))


def test_a_subclass_of_one_of_ours_has_a_name_of_its_own():
    class Doubled(type(Loss.build("mse"))):
        pass

    assert Doubled.form() == "doubled"
    assert type(Loss.build("doubled")) is Doubled
    assert type(Loss.build("mse")) is not Doubled


# Binary cross-entropy and Huber's loss.


def test_logistic_and_binary_cross_entropy_are_one_stable_computation():
    loss = Loss.build("bce")
    bound = loss.bind(softmax_layer("logistic"))
    rng = np.random.default_rng(0)
    logits, target = jnp.asarray(3 * rng.normal(size=(8, 5))), rng.random((8, 5))
    outputs = {"out:pre": logits, "out:out": jax.nn.sigmoid(logits)}
    p = np.asarray(outputs["out:out"], "f8")
    expected = -(target * np.log(p) + (1 - target) * np.log1p(-p)).mean()
    np.testing.assert_allclose(bound(outputs, jnp.asarray(target)), expected, rtol=1e-5)
    np.testing.assert_allclose(loss(outputs, jnp.asarray(target)), expected, rtol=1e-5)
    far = {"out:pre": jnp.array([[-1e4, 1e4]]), "out:out": jnp.array([[0.0, 1.0]])}
    wrong = jnp.array([[1, 0]])
    np.testing.assert_allclose(bound(far, wrong), 1e4)
    np.testing.assert_allclose(loss(far, wrong), -np.log(1e-8), rtol=1e-6)
    force = jax.grad(lambda x: bound(far | {"out:pre": x}, wrong))(far["out:pre"])
    assert force.tolist() == [[-0.5, 0.5]]
    with pytest.raises(ConfigurationError, match='activation "softmax"'):
        loss.bind(softmax_layer())
    assert loss.key() != bound.key()
    assert bound.unbound()(outputs, target) == loss(outputs, target)


def test_finite_differences_of_binary_cross_entropy_from_logits(x64):
    loss = Loss.build("bce").bind(softmax_layer("logistic"))
    _, target = example("bce")
    logits = jnp.asarray(np.random.default_rng(1).normal(size=(6, 3)))
    check_grads(lambda x: loss({"out:pre": x}, target), (logits,), order=1)


@pytest.mark.parametrize("delta", [0.5, 2.0])
def test_huber_is_square_near_and_linear_far(delta):
    error = np.linspace(-5, 5, 41)
    found = Loss.build("huber", delta=delta).terms(
        {"out:out": jnp.asarray(error)}, jnp.zeros(41)
    )
    far = delta * (np.abs(error) - delta / 2)
    expected = np.where(np.abs(error) <= delta, error**2 / 2, far)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


# Losses that read two outputs, or a batch as a whole.


def gaussian(shape=(6, 3), seed=5):
    rng = np.random.default_rng(seed)
    means, target, weights = (rng.normal(size=shape) for _ in range(3))
    covar = rng.uniform(0.2, 3, size=shape)
    return {"mean:out": means, "covar:out": covar}, target, np.abs(weights)


@pytest.mark.parametrize("shape", [(6, 3), (6, 4, 3)])
def test_gll_is_the_likelihood_of_independent_gaussians(shape, x64):
    outputs, target, weights = gaussian(shape)
    of_each = -scipy.stats.norm.logpdf(
        target, outputs["mean:out"], np.sqrt(outputs["covar:out"])
    )
    arrays = {name: jnp.asarray(value) for name, value in outputs.items()}
    loss = Loss.build("gll")
    expected = of_each.sum(axis=-1).mean()
    np.testing.assert_allclose(loss(arrays, jnp.asarray(target)), expected, rtol=1e-9)
    per_example = weights[:, 0] if len(shape) == 2 else weights[:, 0, 0]
    expected = np.average(
        of_each.sum(axis=-1).reshape(6, -1).mean(axis=1), weights=per_example
    )
    got = loss(arrays, jnp.asarray(target), jnp.asarray(per_example))
    np.testing.assert_allclose(got, expected, rtol=1e-9)
    got = loss(arrays, jnp.asarray(target), jnp.asarray(weights))
    expected = shape[-1] * np.average(of_each, weights=weights)
    np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_gll_is_smooth_and_has_a_least_variance(x64):
    outputs, target, weights = gaussian()
    loss = Loss.build("gll", covar_eps=0.1)
    arrays = {name: jnp.asarray(value) for name, value in outputs.items()}
    check_grads(lambda o: loss(o, target, weights), (arrays,), order=1)
    few = arrays | {"covar:out": jnp.full((6, 3), -5.0)}
    least = arrays | {"covar:out": jnp.full((6, 3), 0.1)}
    assert loss(few, target) == loss(least, target)


@pytest.mark.parametrize("name", [x for x in cases("losses") if "gll" in x])
def test_the_likelihood_of_the_original_was_another(name):
    meta, arrays = case(name)
    outputs = {
        key.removeprefix("network_output/"): jnp.asarray(value)
        for key, value in arrays.items()
        if key.startswith("network_output/")
    }
    value = Loss.build("gll", **meta["kwargs"])(outputs, jnp.asarray(arrays["target"]))
    assert np.isfinite(value)
    assert abs(value - arrays["value"]) > 0.1


def two_layers(**shapes):
    return {
        name: SimpleNamespace(outputs={"out": shape}) for name, shape in shapes.items()
    }


def test_gll_checks_both_outputs():
    loss = Loss.build("gll")
    assert loss.bind(two_layers(mean=(3,), covar=(3,))) is loss
    with pytest.raises(ConfigurationError, match='covar_name "covar:out" names no'):
        loss.bind(two_layers(mean=(3,), var=(3,)))
    with pytest.raises(ConfigurationError, match='mean_name "mean:out" names no'):
        loss.bind(two_layers(out=(3,), covar=(3,)))
    with pytest.raises(ConfigurationError, match=r"mean:out \(3,\), covar:out \(1,\)"):
        loss.bind(two_layers(mean=(3,), covar=(1,)))
    with pytest.raises(ConfigurationError, match="mean_name and covar_name"):
        Loss.build("gll", output_name="out")


@pytest.mark.parametrize("kernel", [None, 2.5, lambda a, b: (a * b).sum(axis=-1)])
@pytest.mark.parametrize("shape", [(6, 3), (6, 4, 3)])
def test_mmd_is_that_of_the_definition(kernel, shape, x64):
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, *shape))
    share = rng.random((6, *shape[1:-1]))
    loss = Loss.build("mmd") if kernel is None else Loss.build("mmd", kernel=kernel)

    def k(a, b):
        if callable(kernel):
            return a @ b
        return np.exp(-np.square(a - b).sum() / (kernel or 1.0))

    def discrepancy(x, y, w):
        w = w / w.sum()
        pairs = [(i, j, w[i] * w[j]) for i in range(6) for j in range(6)]
        return sum(
            v * (k(x[i], x[j]) + k(y[i], y[j]) - 2 * k(x[i], y[j])) for i, j, v in pairs
        )

    def expected(w):
        flat = [a.reshape(6, -1, 3) for a in (x, y)] + [w.reshape(6, -1)]
        places = [
            discrepancy(*(a[:, t] for a in flat)) for t in range(flat[2].shape[1])
        ]
        return np.average(places, weights=flat[2].sum(axis=0))

    outputs = {"out:out": jnp.asarray(x)}
    np.testing.assert_allclose(loss(outputs, y), expected(np.ones_like(share)), 1e-9)
    got = loss(outputs, jnp.asarray(y), jnp.asarray(share))
    np.testing.assert_allclose(got, expected(share), 1e-9)
    whole = rng.random(shape)
    got = loss(outputs, jnp.asarray(y), jnp.asarray(whole))
    np.testing.assert_allclose(got, expected(whole.mean(axis=-1)), 1e-9)
    assert loss(outputs, jnp.asarray(y), jnp.zeros(6)) == 0
    check_grads(lambda x: loss({"out:out": x}, y, share), (jnp.asarray(x),), order=1)


def test_mmd_of_one_number_for_each_example():
    x, y, w = np.random.default_rng(3).normal(size=(3, 6)).astype("f4")
    loss = Loss.build("mmd")
    got = loss({"out:out": jnp.asarray(x)}, jnp.asarray(y), jnp.asarray(w**2))
    column = {"out:out": jnp.asarray(x[:, None])}
    assert got == loss(column, jnp.asarray(y[:, None]), jnp.asarray(w**2))


@pytest.mark.parametrize("name", [x for x in cases("losses") if "mmd" in x])
def test_golden_mmd(name):
    # The original had no use for weights.
    meta, arrays = case(name)
    loss = Loss.build("mmd", **meta["kwargs"])
    value, gradient = jax.value_and_grad(
        lambda x: loss({"out:out": x}, jnp.asarray(arrays["target"]))
    )(jnp.asarray(arrays["network_output/out:out"]))
    np.testing.assert_allclose(value, arrays["value"], **CLOSE)
    np.testing.assert_allclose(gradient, arrays["grad/out:out"], **CLOSE)


@pytest.mark.parametrize(
    ("form", "given"),
    [
        ("gll", {"mean_name": "m", "covar_name": "v:pre", "covar_eps": 0.5}),
        ("mmd", {"kernel": 2.5}),
        ("huber", {"delta": 0.3}),
    ],
)
def test_keywords_of_ones_own_are_kept(form, given):
    loss = Loss.build(form, **given, weight=2, target="y", weighted=True)
    spec = json.loads(json.dumps(loss.to_spec()))
    again = Loss.build(**spec)
    assert (again.key(), again.to_spec()) == (loss.key(), spec)
    # Numbers are handed to the program.
    plain = Loss.build(form, target="y", weighted=True)
    assert (loss.key() == plain.key()) == (form == "huber")


def test_a_kernel_that_is_a_function_cannot_be_saved():
    assert not Loss.build("mmd", kernel=lambda a, b: (a * b).sum(-1)).serializable
    assert Loss.build("mmd").serializable


@pytest.mark.parametrize(
    ("form", "given"),
    [("huber", "delta"), ("mmd", "kernel"), ("gll", "covar_eps")],
)
@pytest.mark.parametrize("wrong", [0, -1, float("nan"), "x"])
def test_scales_are_positive(form, given, wrong):
    with pytest.raises(ConfigurationError, match=f"{form} loss: {given} is"):
        Loss.build(form, **{given: wrong})


def test_a_model_of_means_and_variances_learns():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (512, 1)).astype("f4")
    scale = 0.1 + (x > 0)
    y = (2 * x + scale * rng.normal(size=x.shape)).astype("f4")
    net = theanets.Network(
        [
            1,
            (16, "tanh"),
            {"size": 1, "name": "mean", "activation": "linear"},
            {"size": 1, "name": "covar", "activation": "softplus", "inputs": "hid1"},
        ],
        loss="gll",
    )
    assert [(s.name, s.output) for s in net._state.objective().slots[1:]] == [
        ("target", "mean:out")
    ]
    net.train((x, y), algo="adam", learning_rate=0.02, max_epochs=25, progress=False)
    deviation = np.sqrt(net.feed_forward(np.array([[-0.5], [0.5]]))["covar:out"])
    np.testing.assert_allclose(deviation.ravel(), [0.15, 1.1], rtol=0.4)


def test_messages_list_each_loss_by_one_name():
    with pytest.raises(ConfigurationError) as caught:
        Loss.build("mean_squared_error")
    assert " mse" in str(caught.value)
    assert "meansquarederror" not in str(caught.value)
