"""Convolution and pooling by loops over places, in odd and even sizes."""

import numpy as np
import pytest

import theanets

RNG = np.random.default_rng(12)
CLOSE = {"rtol": 1e-9, "atol": 1e-12}


def margins(border, length, size, stride):
    """Return the zeros before and after an axis, from the words of each border."""
    if border == "same":
        places = -(-length // stride)
        missing = max((places - 1) * stride + size - length, 0)
        return missing // 2, missing - missing // 2
    return {"valid": (0, 0), "full": (size - 1,) * 2, "half": (size // 2,) * 2}[border]


def windows(x, sizes, strides):
    """Yield each place, and the cells of (batch, *sizes, channels) that are seen."""
    lengths = x.shape[1:-1]
    counts = [(n - k) // s + 1 for n, k, s in zip(lengths, sizes, strides, strict=True)]
    for place in np.ndindex(*counts):
        starts = [i * s for i, s in zip(place, strides, strict=True)]
        at = [slice(a, a + k) for a, k in zip(starts, sizes, strict=True)]
        yield place, counts, x[(slice(None), *at)]


def convolved(x, w, b, strides, border):
    sizes = w.shape[-(x.ndim - 2) :]
    w = w.reshape(*w.shape[:2], *sizes)
    around = [
        margins(border, *triple)
        for triple in zip(x.shape[1:-1], sizes, strides, strict=True)
    ]
    padded = np.pad(x, [(0, 0), *around, (0, 0)])
    out = None
    for place, counts, cells in windows(padded, sizes, strides):
        if out is None:
            out = np.zeros((len(x), *counts, len(w)))
        for i, kernel in enumerate(w):
            # (channels, *sizes) -> (*sizes, channels)
            product = cells * np.moveaxis(kernel, 0, -1)
            out[(slice(None), *place, i)] = product.reshape(len(x), -1).sum(1) + b[i]
    return out


def numbers(axes, values):
    return values[0] if axes == 1 else tuple(values)


SHAPES = {1: [((11,), (4,), (3,)), ((7,), (5,), (1,)), ((8,), (3,), (2,))]}
SHAPES[2] = [
    ((9, 8), (3, 4), (1, 1)),
    ((7, 10), (4, 1), (2, 3)),
    ((6, 6), (5, 5), (3, 2)),
    ((5, 8), (2, 3), (4, 5)),
]
CASES = [(axes, *row) for axes, rows in SHAPES.items() for row in rows]


@pytest.mark.parametrize("border", ["valid", "full", "half", "same"])
@pytest.mark.parametrize(("axes", "lengths", "sizes", "strides"), CASES)
def test_convolution(axes, lengths, sizes, strides, border):
    net = theanets.Network(
        [
            (*lengths, 3),
            {
                "form": f"conv{axes}",
                "size": 4,
                "filter_size": numbers(axes, sizes),
                "stride": numbers(axes, strides),
                "border_mode": border,
                "activation": "tanh",
            },
        ]
    )
    for handle in net.params:
        handle.set_value(RNG.normal(size=handle.shape))
    w, b = (net.find("out", name).get_value() for name in "wb")
    assert w.shape == (4, 3, *((1,) if axes == 1 else ()), *sizes)
    x = RNG.normal(size=(2, *lengths, 3))
    expected = convolved(x, w, b, strides, border)
    found = net.feed_forward(x)
    assert net.layers[-1].shape == expected.shape[1:]
    np.testing.assert_allclose(found["out:pre"], expected, **CLOSE)
    np.testing.assert_allclose(found["out:out"], np.tanh(expected), **CLOSE)


POOLS = [
    (1, (11,), (3,), None),
    (1, (11,), (2,), (5,)),
    (1, (9,), (4,), (1,)),
    (2, (7, 9), (2, 4), None),
    (2, (7, 9), (3, 2), (2, 3)),
    (2, (6, 5), (1, 5), (4, 1)),
]


@pytest.mark.parametrize("mode", ["max", "mean"])
@pytest.mark.parametrize(("axes", "lengths", "sizes", "strides"), POOLS)
def test_pooling(axes, lengths, sizes, strides, mode):
    pool = {"form": f"pool{axes}", "pool_size": numbers(axes, sizes), "mode": mode}
    if strides:
        pool["stride"] = numbers(axes, strides)
    net = theanets.Network([(*lengths, 3), pool])
    x = RNG.normal(size=(2, *lengths, 3))
    found = net.feed_forward(x)["out:out"]
    assert net.layers[-1].shape == found.shape[1:]
    for place, counts, cells in windows(x, sizes, strides or sizes):
        assert found.shape == (2, *counts, 3)
        flat = cells.reshape(2, -1, 3)
        value = flat.max(axis=1) if mode == "max" else flat.mean(axis=1)
        np.testing.assert_allclose(found[(slice(None), *place)], value, **CLOSE)
