"""Convolution and pooling against loops over every window, in double precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import theanets
from theanets.layers.correlate import by_product, by_xla
from theanets.layers.windows import Windows

from .helpers import blobs

RNG = np.random.default_rng(5)


def windows_over(x, size, stride):
    """Yield each place and the part of x, (batch, ..., channels), that it sees."""
    counts = [
        (n - k) // s + 1 for n, k, s in zip(x.shape[1:-1], size, stride, strict=True)
    ]
    for place in np.ndindex(*counts):
        starts = np.multiply(place, stride)
        part = tuple(slice(a, a + k) for a, k in zip(starts, size, strict=True))
        yield place, x[(slice(None), *part)]


def correlated(x, w, stride, padding):
    x = np.pad(x, ((0, 0), *padding, (0, 0)))
    found = {
        place: np.einsum("nijc,fcij->nf", part, w)
        for place, part in windows_over(x, w.shape[2:], stride)
    }
    shape = np.add(max(found), 1)
    y = np.empty((len(x), *shape, len(w)))
    for place, value in found.items():
        y[(slice(None), *place)] = value
    return y


# Images, filters, stride, padding: filters too many and too few for one block of
# places, blocks that do not fill a row, strides that jump over pixels.
CORRELATIONS = {
    "one block": ((2, 6, 7, 2), (3, 2, 3, 2), (1, 1), ((0, 0), (0, 0))),
    "several blocks": ((1, 5, 23, 1), (16, 1, 2, 5), (1, 1), ((0, 0), (0, 0))),
    "a place alone": ((1, 4, 5, 3), (100, 3, 3, 3), (1, 1), ((1, 1), (1, 1))),
    "strides": ((2, 9, 21, 2), (20, 2, 3, 4), (2, 3), ((0, 1), (2, 0))),
    "wide strides": ((2, 9, 11, 2), (4, 2, 2, 2), (3, 4), ((0, 0), (0, 0))),
    "one pixel": ((2, 3, 4, 3), (5, 3, 1, 1), (1, 1), ((0, 0), (0, 0))),
    "as large as the image": ((2, 3, 4, 3), (5, 3, 3, 4), (1, 1), ((0, 0), (0, 0))),
}


@pytest.mark.parametrize("compute", [by_product, by_xla])
@pytest.mark.parametrize("case", CORRELATIONS.values(), ids=list(CORRELATIONS))
def test_correlation(compute, case):
    x_shape, w_shape, stride, padding = case
    x, w = RNG.normal(size=x_shape), RNG.normal(size=w_shape)
    expected = correlated(x, w, stride, padding)
    out = RNG.normal(size=expected.shape)
    with jax.enable_x64(True):

        def total(x, w):
            y = compute(x, w, stride, padding)
            return (y * out).sum(), y

        program = jax.jit(jax.value_and_grad(total, (0, 1), has_aux=True))
        (_, y), (of_x, of_w) = program(x, w)
        np.testing.assert_allclose(y, expected, rtol=1e-9, atol=1e-12)
        # Linear in each argument, so the derivative along it is the value there.
        dx, dw = RNG.normal(size=x_shape), RNG.normal(size=w_shape)
        along_x = (correlated(dx, w, stride, padding) * out).sum()
        along_w = (correlated(x, dw, stride, padding) * out).sum()
        np.testing.assert_allclose((of_x * dx).sum(), along_x, rtol=1e-9)
        np.testing.assert_allclose((of_w * dw).sum(), along_w, rtol=1e-9)


@pytest.mark.parametrize(
    ("border", "length", "size", "stride", "padding", "count"),
    [
        ("valid", 7, 3, 2, (0, 0), 3),
        ("full", 7, 3, 1, (2, 2), 9),
        ("half", 7, 4, 1, (2, 2), 8),
        ("half", 7, 3, 1, (1, 1), 7),
        ("same", 7, 3, 1, (1, 1), 7),
        ("same", 7, 4, 1, (1, 2), 7),
        ("same", 7, 3, 2, (1, 1), 4),
        ("same", 8, 3, 2, (0, 1), 4),
        ("same", 7, 1, 3, (0, 0), 3),
        ("same", 2, 9, 1, (4, 4), 2),
    ],
)
def test_borders(border, length, size, stride, padding, count):
    windows = Windows((size,), (stride,), border)
    assert windows.padding((length,)) == (padding,)
    assert windows.counts((length,)) == (count,)
    assert windows.counts((None,)) == (None,)


POOLS = {
    "side by side": ((2, 6, 4, 3), {"pool_size": 2}),
    "with a rest": ((2, 7, 5, 1), {"pool_size": (3, 2)}),
    "overlapping": ((2, 6, 7, 2), {"pool_size": (3, 2), "stride": 1}),
    "with gaps": ((2, 7, 8, 2), {"pool_size": 2, "stride": [3, 4]}),
    "everything": ((2, 4, 3, 2), {"pool_size": (4, 3)}),
    "a sequence": ((2, 9, 2), {"pool_size": 3, "stride": 2}),
}


@pytest.mark.parametrize("mode", ["max", "mean"])
@pytest.mark.parametrize("pool", POOLS.values(), ids=list(POOLS))
def test_pooling(pool, mode):
    """Few different numbers, so that many windows have several largest ones."""
    shape, options = pool
    x = RNG.integers(0, 3, shape).astype("f")
    layer = {"form": f"pool{len(shape) - 2}", "mode": mode, **options}
    net = theanets.Network([shape[1:], layer])
    apply, params = net.functional()
    y, back = jax.vjp(lambda x: apply(params, x)["out:out"], jnp.asarray(x))
    out = RNG.normal(size=y.shape).astype("f")
    (gradient,) = back(jnp.asarray(out))

    windows = net.layers[1].windows
    expected, slope = np.zeros(y.shape), np.zeros(shape)
    places = windows_over(
        np.arange(x.size).reshape(shape), windows.size, windows.stride
    )
    for place, cells in places:
        flat = cells.reshape(len(x), -1, shape[-1])
        seen, at = x.ravel()[flat], (slice(None), *place)
        expected[at] = seen.max(axis=1) if mode == "max" else seen.mean(axis=1)
        share = seen == seen.max(axis=1, keepdims=True) if mode == "max" else seen > -1
        share = share / share.sum(axis=1, keepdims=True)
        np.add.at(slope.ravel(), flat, share * out[at][:, None])
    np.testing.assert_allclose(y, expected, rtol=1e-6)
    np.testing.assert_allclose(gradient, slope, rtol=1e-5, atol=1e-6)
    assert net.layers[1].shape == y.shape[1:]


OUTLINED = [
    ((9, 8, 2), {"form": "pool2", "pool_size": (3, 2), "stride": (1, 3)}),
    ((None, 2), {"form": "pool1", "pool_size": 4, "mode": "mean"}),
    ((9, 8, 2), {"form": "conv2", "size": 3, "filter_size": (4, 3), "stride": 2}),
    *(
        ((None, 2), {"form": "conv1", "size": 4, "filter_size": 3, **keywords})
        for keywords in (
            {"border_mode": "full", "activation": "maxout:2"},
            {"border_mode": "same", "stride": 2},
            {"border_mode": "half"},
        )
    ),
]


@pytest.mark.parametrize(("shape", "layer"), OUTLINED)
def test_an_outline_has_the_shapes_of_what_is_computed(shape, layer):
    net = theanets.Network([shape, layer])
    made, values = net.layers[1], net._state.arrays
    params = {name: values[made.full_name(name)] for name in made.params}
    for length in (5, 8, 11):
        x = {"in:out": jnp.zeros((2, *(length if n is None else n for n in shape)))}
        computed, outlined = (
            jax.tree.map(
                lambda a: (a.shape, a.dtype), jax.eval_shape(compute, params, x)
            )
            for compute in (made.transform, made.outline)
        )
        assert computed == outlined


def test_an_outline_is_not_that_of_another_transform():
    class Halved(theanets.layers.Pool1):
        def transform(self, params, inputs):
            return super().transform(params, inputs)[..., :1]

        def infer_output_shape(self):
            return (*super().infer_output_shape()[:-1], 1)

    net = theanets.Network([(6, 4), {"form": "halved", "pool_size": 2}])
    assert net.layers[1].shape == (3, 1)


CONV = {"form": "conv2", "size": 3, "filter_size": 2, "activation": "tanh"}
IMAGES = theanets.convolution.Regressor(
    [(5, 4, 2), CONV, {"form": "pool2", "pool_size": 2}, "flat", 2]
)


def test_layers_can_be_mapped_and_differentiated_twice_and_forward():
    apply, params = IMAGES.functional()
    x = jnp.asarray(RNG.normal(size=(3, 5, 4, 2)), "float32")

    def predicted(one):
        return apply(params, one[None])["out:out"][0]

    def energy(one):
        return (predicted(one) ** 2).sum()

    @jax.jit
    def answers(x):
        together, mapped = apply(params, x)["out:out"], jax.vmap(predicted)(x)
        forward, backward = jax.jacfwd(predicted)(x[0]), jax.jacrev(predicted)(x[0])
        twice = jax.jacfwd(jax.grad(energy))(x[0]).reshape(40, 40)
        return (together, mapped), (forward, backward), (twice, twice.T)

    for one, other in answers(x):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
        assert np.abs(one).max() > 0.01


def test_a_learned_activation_has_one_parameter_for_each_filter():
    net = theanets.convolution.Regressor([(5, 4, 2), {**CONV, "activation": "prelu"}])
    assert net.find("out", "leak").shape == (3,)


def test_what_is_given_for_initial_values_holds_for_each_cell_of_the_filters():
    net = theanets.convolution.Regressor([(5, 4, 3), {**CONV, "diagonal_w": 2.0}])
    w = net.find("out", "w").get_value()
    for cell in np.ndindex(2, 2):
        np.testing.assert_array_equal(w[(..., *cell)], 2 * np.eye(3))


@pytest.mark.parametrize(("border", "stride"), [("valid", 3), ("full", 1), ("same", 3)])
def test_an_open_axis_takes_any_length(border, stride):
    conv = {
        "form": "conv1",
        "size": 4,
        "filter_size": 3,
        "stride": stride,
        "border_mode": border,
    }
    pool = {"form": "pool1", "pool_size": 2, "mode": "mean"}
    net = theanets.Regressor([(None, 2), conv, pool, 1])
    assert [layer.shape[0] for layer in net.layers] == [None] * 4
    known = theanets.Regressor([(14, 2), conv, pool, 1])
    x = RNG.normal(size=(2, 14, 2))
    expected = known.predict(x)
    assert known.layers[-1].shape == expected.shape[1:]
    np.testing.assert_allclose(net.predict(x), expected, rtol=1e-5, atol=1e-6)


def test_an_image_of_open_width():
    net = theanets.convolution.Regressor(
        [(None, 6, 2), CONV, {"form": "pool2", "pool_size": (1, 5)}]
    )
    assert [layer.shape for layer in net.layers[1:]] == [(None, 5, 3), (None, 1, 3)]
    assert net.predict(np.zeros((2, 9, 6, 2))).shape == (2, 8, 1, 3)


def test_training_with_second_derivatives():
    x, labels = blobs(classes=2)
    images = np.repeat(x.reshape(-1, 4, 1, 1), 4, axis=2)
    net = theanets.convolution.Classifier(
        [(4, 4, 1), CONV, {"form": "pool2", "pool_size": 2}, "flat", 2]
    )
    data = [images, labels]
    net.train(data, algo="esgd", learning_rate=0.1, max_epochs=30, progress=False)
    assert net.score(images, labels) > 0.9


@pytest.mark.parametrize(
    ("init", "variance"),
    [
        ("glorot", 2 / (12 * (5 + 40))),
        ("he", 2 / (12 * 5)),
        ("lecun", 1 / (12 * 5)),
        ("orthogonal", 1 / (12 * 5)),
    ],
)
def test_named_initial_values_count_the_cells_of_the_filters(init, variance):
    conv = {"form": "conv2", "size": 40, "filter_size": (3, 4), "init": init}
    net = theanets.convolution.Regressor([(9, 9, 5), conv, "flat", 2])
    w = net.find("hid1", "w").get_value()
    assert w.var() == pytest.approx(variance, rel=0.1)
    rows = w.reshape(40, -1)
    apart = np.abs(rows @ rows.T - np.eye(40)).max()
    assert (apart < 1e-5) == (init == "orthogonal")
