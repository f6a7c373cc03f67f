"""Windows and text against what the original gave, draw by draw."""

import numpy as np
import pytest

from theanets import recurrent

from . import case


def test_batches():
    meta, arrays = case("sequences/batches")
    cut = recurrent.batches(
        [arrays["array0"], arrays["array1"]],
        steps=meta["steps"],
        batch_size=meta["batch_size"],
        rng=meta["seed"],
    )
    for number in range(3):
        for i, window in enumerate(cut()):
            expected = arrays[f"batch{number}/{i}"]
            np.testing.assert_array_equal(window, expected, strict=True)


@pytest.mark.parametrize("name", ["text", "text_min_count", "text_alpha"])
def test_text(name):
    meta, arrays = case(f"sequences/{name}")
    text = recurrent.Text(meta["text"], **meta["kwargs"])
    assert text.alpha == meta["alpha"]
    assert text.text == meta["text_attribute"]
    encoded = text.encode(meta["text"])
    np.testing.assert_array_equal(encoded, arrays["encoded"])
    assert type(encoded) is list
    assert text.decode(encoded) == meta["decoded"]
    cut = text.classifier_batches(**meta["batches"], rng=meta["seed"])
    for number in range(3):
        inputs, labels = cut()
        expected = arrays[f"batch{number}/inputs"], arrays[f"batch{number}/outputs"]
        np.testing.assert_array_equal(inputs, expected[0], strict=True)
        np.testing.assert_array_equal(labels, expected[1], strict=True)
