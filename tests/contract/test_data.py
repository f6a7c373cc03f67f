"""What every kind of data keeps: it acts as the dense array of its rows does."""

import numpy as np
import pytest

import theanets
from theanets.data.kinds.base import kinds

from ..helpers import bits

PARTS = {
    cls.__name__: cls for cls in kinds() if not cls.__module__.startswith("tests.")
}


def made(name):
    value = PARTS[name].example()
    assert PARTS[name].accepts(value)
    array = PARTS[name](value)
    return value, array, array[:]


@pytest.mark.parametrize("name", PARTS)
def test_its_rows_are_found_by_slice_and_by_number(name):
    _, array, dense = made(name)
    assert len(array) >= 8
    assert dense.shape == array.shape
    assert dense.dtype == array.dtype
    order = np.array([[7, 0, 3], [3, 3, 1]])
    for index in (slice(2, 5), slice(None, None, 3), order, order[0], 4):
        np.testing.assert_array_equal(array[index], dense[index])
    np.testing.assert_array_equal(np.asarray(array), dense)


@pytest.mark.parametrize("name", PARTS)
def test_it_answers_for_all_its_rows(name):
    _, array, dense = made(name)
    assert array.nbytes == dense.nbytes
    np.testing.assert_array_equal(
        array.finite_rows("float32"), np.isfinite(dense).all(axis=1)
    )
    values = np.concatenate([np.ravel(x) for x in array.values()])
    assert (values.min(), values.max()) == (dense.min(), dense.max())
    assert array.astype("float32")[:].dtype == np.float32
    places = [*reversed(range(dense.shape[-1]))]
    if array.columns:
        assert array.reordered(places).columns == array.columns[::-1]
        np.testing.assert_array_equal(array.reordered(places)[:], dense[:, ::-1])


@pytest.mark.parametrize("name", PARTS)
def test_a_checkpoint_knows_it_again_and_no_other_data(name):
    value, array, _ = made(name)
    assert array.fingerprint() == PARTS[name](value).fingerprint()
    assert array.fingerprint() == made(name)[1].fingerprint()
    assert array.astype("float16").fingerprint() != array.fingerprint()


@pytest.mark.parametrize("resident_bytes", [None, 0], ids=["resident", "streamed"])
@pytest.mark.parametrize("name", PARTS)
def test_models_take_it_as_they_take_its_rows(name, resident_bytes, monkeypatch):
    if resident_bytes is not None:
        monkeypatch.setattr(theanets.config, "resident_bytes", resident_bytes)
    value, _, dense = made(name)
    targets = dense[:, :1]

    def trained(x):
        net = theanets.Regressor([dense.shape[1], 3, 1], rng=1)
        net.train((x, targets), batch_size=4, max_epochs=2, progress=False)
        return bits(net), net.predict(x)

    found, predicted = trained(value)
    expected, answers = trained(dense)
    assert found == expected
    np.testing.assert_array_equal(predicted, answers)
