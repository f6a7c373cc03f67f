import numpy as np
import pytest

from theanets import datasets, recurrent
from theanets.errors import DataError


def test_labels_are_cut_and_the_last_window_comes():
    cut = recurrent.batches(np.arange(10), steps=8, batch_size=50, rng=0)
    (windows,) = cut()
    assert {tuple(w) for w in windows} == {tuple(range(i, i + 8)) for i in range(3)}


def test_all_arrays_are_cut_at_the_same_place():
    series = np.arange(30.0)
    a, b = recurrent.batches([series[:, None], -series], 5, 7, rng=1)()
    assert a.shape == (7, 5, 1)
    np.testing.assert_array_equal(a[..., 0], -b)


def test_a_sequence_of_one_window():
    (windows,) = recurrent.batches([[1, 2, 3]], steps=3, batch_size=2)()
    np.testing.assert_array_equal(windows, [[1, 2, 3]] * 2)


@pytest.mark.parametrize(
    "make",
    [int, np.random.RandomState, np.random.default_rng],
    ids=lambda f: f.__name__,
)
def test_equal_seeds_give_equal_windows(make):
    def drawn(seed):
        cut = recurrent.batches(np.arange(1000), 3, 9, rng=make(seed))
        return np.stack([cut()[0], cut()[0]])

    np.testing.assert_array_equal(drawn(3), drawn(3))
    assert (drawn(3) != drawn(4)).any()
    first, second = drawn(3)
    assert (first != second).any()


def test_the_embedded_text():
    text = datasets.load_text()
    assert 150_000 < len(text) < 200_000
    assert text.isascii()
    assert text.count("Elizabeth") > 100
    assert len(recurrent.Text(text).alpha) > 60


def test_labels_follow_their_inputs():
    text = recurrent.Text("abcdefgh" * 3)
    inputs, labels = text.classifier_batches(steps=23, batch_size=1)()
    assert text.decode(inputs.argmax(axis=-1)[0]) == text.text[:-1]
    assert text.decode(labels[0]) == text.text[1:]


def test_a_text_is_as_long_as_its_windows_and_one_label():
    text = recurrent.Text("abab")
    text.classifier_batches(steps=3)()
    with pytest.raises(DataError, match="last character the text has 3 steps"):
        text.classifier_batches(steps=4)
