"""Sequences of unequal length: filled up, and told where they come in many shapes."""

import warnings

import numpy as np
import pytest

import theanets
from theanets.data import stream_loader
from theanets.errors import DataError
from theanets.recurrent import padded

from ..helpers import compilations

rng = np.random.default_rng(2)


def ragged(lengths):
    return [rng.normal(size=(length, 3)) for length in lengths]


def marker():
    mask = dict(form="input", name="mask", shape=(None,))
    hidden = dict(form="rnn", size=4, inputs="in", mask="mask")
    return theanets.recurrent.Regressor([3, mask, hidden, 1], weighted=True)


@pytest.mark.parametrize(
    ("longest", "length"), [(1, 8), (8, 8), (9, 16), (16, 16), (100, 128)]
)
def test_lengths_are_powers_of_two(longest, length):
    sequences = ragged([longest, 1])
    x, mask = padded(sequences)
    assert x.shape == (2, length, 3)
    np.testing.assert_array_equal(x[0, :longest], sequences[0])
    assert not x[0, longest:].any()
    assert mask.tolist() == [
        [1.0] * longest + [0.0] * (length - longest),
        [1.0] + [0.0] * (length - 1),
    ]


def test_labels_and_a_length_of_ones_own():
    labels, mask = padded([[1, 2], [3, 4, 5]], length=4)
    assert labels.tolist() == [[1, 2, 0, 0], [3, 4, 5, 0]]
    assert labels.dtype.kind == "i"
    assert mask.sum() == 5


@pytest.mark.parametrize(
    ("sequences", "keywords", "message"),
    [
        ([], {}, "there are no sequences"),
        ([np.zeros((2, 3)), np.zeros((2, 4))], {}, "sequence 1 has the shape"),
        ([1.0, 2.0], {}, "sequence 0 has the shape"),
        ([np.zeros(9)], dict(length=8), "length is 8, but a sequence has 9 steps"),
        ([np.zeros(9)], dict(length=0), "length is 0"),
        ([["a"]], {}, "sequence 0"),
    ],
)
def test_what_cannot_be_padded(sequences, keywords, message):
    with pytest.raises(DataError, match=message):
        padded(sequences, **keywords)


def test_the_numbers_are_those_of_unpadded_data(float64):
    """One sequence at a time, or all together: the same outputs and gradients."""
    sequences = ragged([2, 5, 9])
    together, alone = marker(), marker()
    x, mask = padded(sequences)
    y, _ = padded([s[:, :1] for s in sequences])
    predicted = together.predict([x, mask])
    for row, sequence in enumerate(sequences):
        one = alone.predict([sequence[None], np.ones((1, len(sequence)))])[0]
        np.testing.assert_allclose(predicted[row, : len(sequence)], one, rtol=1e-12)
    weights = mask[..., None]
    keywords = dict(algo="sgd", max_epochs=3, batch_size=None, progress=False)
    together.train([x, mask, y, weights], **keywords)
    longer, more = padded(sequences, length=32)
    target, _ = padded([s[:, :1] for s in sequences], length=32)
    alone.train([longer, more, target, more[..., None]], **keywords)
    for param in together.params:
        np.testing.assert_allclose(
            param.get_value(), alone.find(param.name).get_value(), rtol=1e-10
        )


def batches(lengths, fill):
    for length in lengths:
        x, mask = padded(ragged([length] * 4), None if fill else length)
        yield x, mask, x[..., :1], mask[..., None]


def train(lengths, fill, **keywords):
    data = list(batches(lengths, fill))
    keywords = {"max_epochs": 2, "algo": "sgd", "progress": False} | keywords
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        marker().train(data, data[:1], **keywords)
    return [x for x in caught if issubclass(x.category, UserWarning)]


def test_a_stream_of_many_shapes_is_warned_of_once(monkeypatch):
    monkeypatch.setattr(stream_loader, "_MANY_SHAPES", 3)
    told = train([2, 3, 2, 3], fill=False)
    assert not told
    told = train([2, 3, 4, 5], fill=False)
    assert len(told) == 1
    message = str(told[0].message)
    assert message.startswith("train: its batches have come in 3 shapes,")
    assert "theanets.recurrent.padded" in message


def test_padded_lengths_compile_few_programs():
    with compilations() as compiled:
        assert not train(range(1, 17), fill=True)
    # Two lengths, and the validation.
    assert len(compiled) <= 3
