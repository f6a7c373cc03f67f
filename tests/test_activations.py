"""Every activation against the original's numbers, finite differences, and misuse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from jax.test_util import check_grads

from theanets.activations import Activation, Composition, Custom, build
from theanets.errors import ConfigurationError

from .golden import case, cases

NAMES = [
    "linear", "logistic", "tanh", "softmax", "softplus", "relu", "rect:min",
    "rect:minmax", "norm:mean", "norm:max", "norm:std", "norm:z", "prelu", "lgrelu",
    "elu", "gelu", "silu", "selu", "leak:0.1", "maxout:3",
    "relu+norm:z", "prelu+elu", "prelu+prelu+maxout:2",
]  # fmt: skip

# The original's parameter is the logarithm of ours.
LOGARITHMS = ("gain", "leak")


@pytest.fixture
def x64():
    with jax.enable_x64(True):
        yield


def bound(spec, size=7):
    activation = build(spec)
    activation.bind(size)
    return activation


def initial(activation, dtype=None):
    rng = np.random.default_rng(13)
    return {p.name: jnp.asarray(p.init(rng), dtype) for p in activation.params}


def derivatives(activation, params, x, cot):
    def total(params, x):
        return (activation.transform(params, x) * cot).sum()

    return jax.grad(total, argnums=(0, 1))(params, x)


def corners(x, spec):
    """Where the original has a derivative between those of the two sides."""
    first = spec.split("+")[0]
    if first == "rect:min":
        return x == 1
    if first == "rect:minmax":
        return (x == 0) | (x == 1)
    if first in ("linear", "tanh", "logistic") and "relu" not in spec:
        return np.zeros(x.shape, bool)
    return x == 0


def set_apart(x, spec):
    """Entries at a corner; and rows whose largest magnitude is not unique."""
    apart = corners(x, spec)
    if "norm:max" in spec:
        largest = np.abs(np.maximum(x, 0) if "relu" in spec else x)
        ties = (largest == largest.max(-1, keepdims=True)).sum(-1) > 1
        apart |= ties[:, None]
    return apart


@pytest.mark.parametrize("name", cases("activations"))
def test_golden(name):
    meta, arrays = case(name)
    spec, x, cot = meta["activation"], jnp.asarray(arrays["x"]), arrays["cot"]
    activation = bound(spec, x.shape[-1])
    golden = {p.name: arrays[f"param/l.{p.name}"] for p in activation.params}
    params = {
        key: jnp.exp(value) if key in LOGARITHMS else jnp.asarray(value)
        for key, value in golden.items()
    }
    y = activation.transform(params, x)
    by_params, by_x = derivatives(activation, params, x, cot)
    # A leaky or exponential unit overflowed in the original: ours is linear there.
    finite = np.isfinite(arrays["y"])
    np.testing.assert_array_equal(y[~finite], x[~finite])
    np.testing.assert_allclose(y[finite], arrays["y"][finite], rtol=1e-4, atol=1e-6)

    assert np.isfinite(by_x).all()
    same = np.isfinite(arrays["grad/x"]) & ~set_apart(arrays["x"], spec)
    np.testing.assert_allclose(by_x[same], arrays["grad/x"][same], rtol=1e-4, atol=1e-6)
    for key, value in by_params.items():
        expected = arrays[f"grad/param/l.{key}"]
        known = np.isfinite(expected)
        chain = params[key] if key in LOGARITHMS else 1.0
        np.testing.assert_allclose(
            (value * chain)[known], expected[known], rtol=1e-4, atol=1e-6
        )
        assert not np.asarray(value)[~known].any()


@pytest.mark.parametrize("name", ["norm_max", "norm_max_constant_rows"])
def test_golden_ties_share_what_the_original_gave_to_each(name):
    _, arrays = case(f"activations/{name}")
    x, cot = arrays["x"], arrays["cot"]
    _, by_x = derivatives(bound("norm:max"), {}, jnp.asarray(x), cot)
    top = np.abs(x).max(-1, keepdims=True)
    tied = np.abs(x) == top
    share = tied.sum(-1, keepdims=True)
    assert share.max() > 1
    whole = np.sign(x) * tied * (cot * x).sum(-1, keepdims=True) / (top + 1e-8) ** 2
    known = np.broadcast_to(top > 0, x.shape)
    np.testing.assert_allclose(
        (by_x - (1 - 1 / share) * whole)[known],
        arrays["grad/x"][known],
        rtol=1e-4,
        atol=1e-6,
    )


@pytest.mark.parametrize(
    ("spec", "at", "side"),
    [("relu", 0, 0), ("rect:min", 1, 0), ("rect:minmax", 0, 0), ("rect:minmax", 1, 0)],
)
def test_derivative_at_a_corner_is_that_of_the_flat_side(spec, at, side):
    slope = jax.grad(lambda x: bound(spec, 1).transform({}, x).sum())
    assert slope(jnp.array([float(at)])) == side


@pytest.mark.parametrize("spec", ["prelu", "lgrelu", "elu"])
def test_derivative_at_0_is_that_of_the_side_below(spec):
    activation = bound(spec, 3)
    params = initial(activation)
    slope = params["leak" if "leak" in params else "gain"]
    _, by_x = derivatives(activation, params, jnp.zeros((1, 3)), 1.0)
    np.testing.assert_array_equal(by_x[0], slope)


@pytest.mark.parametrize("spec", NAMES)
def test_finite_differences(spec, x64):
    activation = bound(spec, 5)
    rng = np.random.default_rng(1)
    x = jnp.asarray(rng.normal(size=(4, 5)))
    cot = jnp.asarray(rng.normal(size=(4, 5)))
    params = initial(activation)
    check_grads(
        lambda params, x: (activation.transform(params, x) * cot).sum(),
        (params, x),
        order=1,
        modes=("fwd", "rev"),
    )


@pytest.mark.parametrize("spec", NAMES)
@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_shape_and_dtype_stay(spec, dtype, x64):
    activation = bound(spec, 5)
    params = initial(activation, dtype)
    for shape in [(5,), (2, 3, 5)]:
        y = activation.transform(params, jnp.ones(shape, dtype))
        assert (y.shape, y.dtype) == (shape, dtype)


@pytest.mark.parametrize("spec", NAMES)
def test_no_input_is_infinite_or_hides_that_it_is_not_a_number(spec):
    activation = bound(spec, 5)
    params = initial(activation)
    fills = jnp.array([0.0, 0.1, 1.0, -3e3, 3e3, 1e15])
    x = jnp.broadcast_to(fills[:, None], (6, 5))
    by_params, by_x = derivatives(activation, params, x, 1.0)
    every = (activation.transform(params, x), by_x, *by_params.values())
    assert all(np.isfinite(a).all() for a in every)
    assert np.isnan(activation.transform(params, jnp.full((2, 5), jnp.nan))).all()


@pytest.mark.parametrize("fill", [0.1, 2.1269, 1e3 / 7])
def test_a_constant_row_is_centred_exactly(fill):
    row = jnp.full((1, 7), fill, jnp.float32)
    assert not bound("norm:mean").transform({}, row).any()
    assert not bound("norm:z").transform({}, row).any()


def test_learned_parameters_begin_small_and_positive():
    drawn = initial(bound("lgrelu", 1000))
    assert (drawn["leak"] > 0).all()
    assert (drawn["leak"] < 0.5).all()
    assert (drawn["gain"] > 1).all()
    assert (drawn["gain"] < 1.5).all()


def test_specs_are_canonical():
    written = ["Sigmoid", "rect:max", "leaky-relu", " tanh + maxout:2", "softmax"]
    specs = [build(spec).spec for spec in written]
    assert specs == ["logistic", "relu", "prelu", "tanh+maxout:2", "softmax"]
    assert build("sigmoid").key == build("logistic").key != build("tanh").key
    assert build("maxout:2").key != build("maxout:3").key
    assert build("prelu+tanh").key == build("leaky-relu+tanh").key


def test_a_composition_tells_equal_parameters_apart():
    activation = bound("prelu+tanh+lgrelu+prelu", 2)
    names = [p.name for p in activation.params]
    assert names == ["leak", "gain", "leak2", "leak3"]
    params = {"leak": 0.5, "gain": 2.0, "leak2": 4.0, "leak3": 0.25}
    y = activation.transform(params, jnp.array([-2.0, 2.0]))
    np.testing.assert_allclose(y, [-np.tanh(1), 2 * np.tanh(2)], rtol=1e-6)


def test_a_function_is_an_activation():
    activation = build(jnp.sin)
    assert isinstance(activation, Custom)
    assert (activation.spec, activation.serializable) == ("sin", False)
    assert activation.key == build(jnp.sin).key
    assert activation.transform({}, jnp.zeros(2)).tolist() == [0, 0]
    assert not Composition([build("relu"), activation]).serializable


def test_an_instance_is_copied_so_that_layers_do_not_share_it():
    mine = build("prelu+maxout:2")
    one, two = build(mine), build(mine)
    one.bind(3)
    two.bind(5)
    assert [p.shape for p in one.params] == [(3,), (3, 2), (3, 2)]
    assert [p.shape for p in two.params] == [(5,), (5, 2), (5, 2)]
    assert [len(initial(one)["leak"]), len(initial(two)["leak"])] == [3, 5]
    assert one.key == two.key == mine.key


def test_a_subclass_is_known_at_once():
    class Shifted(Activation):
        aliases = ("moved",)
        takes_argument = True

        def setup(self):
            self.add_param("shift", (self.size,), lambda rng: np.zeros(self.size))

        def transform(self, params, x):
            return x + params["shift"]

    for name in ["shifted:up", "moved:up"]:
        activation = bound(name, 3)
        assert activation.spec == "shifted:up"
        assert activation.params[0].shape == (3,)
    assert build("shifted:up").key != build("shifted:down").key


def test_an_instance_with_its_own_constructor_is_known_by_itself():
    class Power(Activation):
        def __init__(self, exponent):
            super().__init__()
            self.exponent = exponent

        def transform(self, params, x):
            return x**self.exponent

    two, three = Power(2), Power(3)
    assert build(two).key == build(build(two)).key != build(three).key
    assert not build(two).serializable
    assert build(three).transform({}, jnp.array(2.0)) == 8


def test_a_builtin_name_is_protected():
    with pytest.raises(ConfigurationError, match="relu"):
        body = {"__module__": "elsewhere", "transform": lambda self, params, x: x}
        type("Relu", (Activation,), body)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("rellu", 'layer "h": unknown activation \'rellu\'.*Did you mean "relu"'),
        ("norm:zz", "norm:z"),
        ("relu+", 'layer "h": activation "relu\\+": a name is missing'),
        ("", 'activation "": a name is missing. Write "relu"'),
        ("leak", "needs the slope.*none came"),
        ("leak:x", '"x" came'),
        ("leak:inf", '"inf" came'),
        ("tanh:3", 'layer "h": activation "tanh" takes no argument'),
        ("maxout", "needs the number of lines"),
        ("maxout:", "needs the number of lines"),
        ("maxout:0", '"0" came'),
        ("maxout:x", '"x" came'),
        (None, "the activation is None"),
        (3, "the activation is 3"),
    ],
)
def test_errors_say_what_to_do(spec, message):
    with pytest.raises(ConfigurationError, match=message):
        build(spec, 'layer "h": ')


def test_a_class_without_transform_says_so():
    with pytest.raises(
        ConfigurationError, match="class Hollow has no transform, so it"
    ):

        class Hollow(Activation):
            pass


def test_a_subclass_of_one_of_ours_has_a_name_of_its_own():
    class Doubled(type(build("prelu"))):
        pass

    assert type(build("doubled")) is Doubled
    assert type(build("leaky-relu")) is not Doubled


def test_fixed_activations_are_those_of_their_definitions(x64):
    x = np.linspace(-6, 6, 49)
    below = 1.6732632423543772 * np.expm1(np.minimum(x, 0))
    expected = {
        "gelu": x * scipy.stats.norm.cdf(x),
        "silu": x / (1 + np.exp(-x)),
        "swish": x / (1 + np.exp(-x)),
        "selu": 1.0507009873554805 * np.where(x > 0, x, below),
        "leak:0.1": np.where(x > 0, x, 0.1 * x),
        "leak:-2": np.where(x > 0, x, -2 * x),
    }
    for spec, values in expected.items():
        found = build(spec).transform({}, jnp.asarray(x))
        np.testing.assert_allclose(found, values, 1e-9, 1e-12, err_msg=spec)
    assert build("leak:0.1").key != build("leak:0.2").key
    assert build(build("leak:0.1")).serializable


@pytest.mark.parametrize("spec", ["maxout:2", "maxout:3", "linear+norm:max"])
def test_a_maximum_has_a_finite_derivative_however_it_is_compiled(spec):
    """Lines computed twice, and rounded in two ways, need not equal their maximum."""
    activation = bound(spec, size=3)
    params = initial(activation, "float32")

    def total(params, scale, x):
        y = activation.transform(params, scale * x + scale)
        return jax.nn.sigmoid(y).sum()

    slow = {"xla_backend_optimization_level": 0}
    gradient = jax.jit(jax.grad(total, argnums=(0, 1)), compiler_options=slow)
    x = np.random.default_rng(0).standard_normal((50, 3)).astype("f4")
    found = gradient(params, np.float32([0.3, 0.7, 1.1]), x)
    for value in jax.tree.leaves(found):
        assert np.isfinite(value).all()
    by_x = jax.grad(total, argnums=1)(params, np.float32([0.3, 0.7, 1.1]), x)
    np.testing.assert_allclose(found[1], by_x, rtol=1e-3, atol=1e-4)
