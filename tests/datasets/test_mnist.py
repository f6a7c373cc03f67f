import gzip
import struct

import numpy as np
import pytest

from theanets.datasets import idx, load_mnist
from theanets.errors import DataError

FILES = {
    "train-images-idx3-ubyte": (13, 5, 4),
    "train-labels-idx1-ubyte": (13,),
    "t10k-images-idx3-ubyte": (3, 5, 4),
    "t10k-labels-idx1-ubyte": (3,),
}


def packed(values, kind=8):
    values = np.asarray(values, np.uint8)
    lengths = struct.pack(f">{values.ndim}I", *values.shape)
    return bytes((0, 0, kind, values.ndim)) + lengths + values.tobytes()


def values_of(name):
    return np.arange(np.prod(FILES[name])).reshape(FILES[name]) % 256


@pytest.fixture
def folder(tmp_path):
    for name in FILES:
        (tmp_path / name).write_bytes(packed(values_of(name)))
    return tmp_path


@pytest.fixture(scope="module")
def digits():
    return load_mnist()


def test_mnist_has_its_published_sizes(digits):
    shapes = [(images.shape, labels.shape) for images, labels in digits]
    assert shapes == [
        ((50000, 784), (50000,)),
        ((10000, 784), (10000,)),
        ((10000, 784), (10000,)),
    ]
    assert {array.dtype.name for part in digits for array in part} == {
        "float32",
        "uint8",
    }


def test_pixels_are_exact_fractions_of_255(digits):
    images = digits[2][0]
    levels = np.unique(images)
    assert levels[0] == 0
    assert levels[-1] == 1
    np.testing.assert_array_equal(levels, np.arange(256, dtype="f") / 255)


def test_all_ten_digits_are_labelled(digits):
    counts = [np.bincount(labels) for _, labels in digits]
    assert sum(counts)[0] == 6903
    assert all(len(count) == 10 for count in counts)


def test_square_images_are_the_rows_reshaped(digits):
    square = load_mnist(flatten=False, labels=False)
    assert [len(part) for part in square] == [1, 1, 1]
    for (images,), (rows, _) in zip(square, digits, strict=True):
        assert images.shape[1:] == (28, 28, 1)
        np.testing.assert_array_equal(images.reshape(-1, 784), rows)


def test_arrays_belong_to_the_caller(digits):
    assert all(array.flags.writeable for part in digits for array in part)


@pytest.mark.parametrize("form", ["plain", "gzip", "dotted", "dotted gzip"])
def test_root_reads_other_sets_of_the_same_form(folder, form):
    for name in FILES:
        path = folder / name
        if "gzip" in form:
            path.write_bytes(gzip.compress(path.read_bytes()))
            path = path.rename(folder / f"{name}.gz")
        if "dotted" in form:
            path.rename(folder / path.name.replace("-idx", ".idx"))
    train, valid, test = load_mnist(root=folder)
    # The last sixth of 13 images is 2.
    assert [len(part[0]) for part in (train, valid, test)] == [11, 2, 3]
    images = values_of("train-images-idx3-ubyte").reshape(13, 20).astype("f") / 255
    labels = values_of("train-labels-idx1-ubyte")
    np.testing.assert_array_equal(np.concatenate([train[0], valid[0]]), images)
    np.testing.assert_array_equal(np.concatenate([train[1], valid[1]]), labels)


def test_root_keeps_the_image_size(folder):
    train, _, _ = load_mnist(root=str(folder), flatten=False)
    assert train[0].shape == (11, 5, 4, 1)


def test_labels_are_not_needed_without_labels(folder):
    (folder / "train-labels-idx1-ubyte").unlink()
    (folder / "t10k-labels-idx1-ubyte").unlink()
    train, _, _ = load_mnist(root=folder, labels=False)
    assert len(train) == 1


def test_two_images_are_enough_and_one_is_not(folder):
    for count in (2, 1):
        (folder / "train-images-idx3-ubyte").write_bytes(
            packed(np.zeros((count, 5, 4)))
        )
        (folder / "train-labels-idx1-ubyte").write_bytes(packed(np.zeros(count)))
        if count == 2:
            train, valid, _ = load_mnist(root=folder)
            assert (len(train[0]), len(valid[0])) == (1, 1)
    with pytest.raises(DataError, match="there is 1 training image; at least 2"):
        load_mnist(root=folder)


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere' does not exist.*train-im"):
        load_mnist(root=tmp_path / "nowhere")


def test_file_instead_of_folder(folder):
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        load_mnist(root=folder / "t10k-labels-idx1-ubyte")


@pytest.mark.parametrize("name", FILES)
def test_missing_file(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"has no file {name}, {name}.gz"):
        load_mnist(root=folder)


IMAGES = packed(values_of("train-images-idx3-ubyte"))
DAMAGE = {
    "empty": (b"", "no IDX file: it begins with nothing"),
    "other format": (b"\x89PNG" + bytes(400), "no IDX file: it begins with 89 50 4e"),
    "labels": (packed(np.zeros(13)), "type 8 along 1 axes, expected .* along 3"),
    "floats": (packed(np.zeros((13, 5, 4)), kind=13), "IDX type 13 along 3 axes"),
    "half a header": (IMAGES[:9], "ends within its header"),
    "too short": (IMAGES[:-1], "announces 260 values, 13 x 5 x 4, and the file is|259"),
    "too long": (IMAGES + b"x", "goes on after the 260 values"),
    "absurd header": (IMAGES[:4] + b"\xff" * 12 + IMAGES[16:], "is truncated"),
    "no pixels": (packed(np.zeros((13, 0, 4))), "13 images of 0 x 4 pixels"),
    "no images": (packed(np.zeros((0, 5, 4))), "0 images of 5 x 4 pixels"),
    "other count": (packed(np.zeros((12, 5, 4))), "12 train images but 13 labels"),
    "other size": (packed(np.zeros((13, 4, 4))), "have 4 x 4 .* test images 5 x 4"),
}


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files(folder, damage, suffix):
    content, message = DAMAGE[damage]
    path = folder / "train-images-idx3-ubyte"
    path.unlink()
    path.with_name(path.name + suffix).write_bytes(
        gzip.compress(content) if suffix else content
    )
    with pytest.raises(DataError, match=message):
        load_mnist(root=folder)


def test_header_beyond_any_compression_takes_no_memory(folder):
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(IMAGES[:4] + b"\0\x7f\xff\xff" * 3))
    with pytest.raises(DataError, match="too small for them"):
        idx.read(path, rank=3)


@pytest.mark.parametrize("cut", [0, 5, -9])
def test_truncated_gzip(folder, cut):
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(IMAGES)[:cut])
    with pytest.raises(DataError):
        idx.read(path, rank=3)


def test_not_gzip_in_spite_of_the_name(folder):
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(IMAGES)
    with pytest.raises(DataError, match="no complete gzip file: Not a gzipped file"):
        idx.read(path, rank=3)


def test_flipped_bits_in_gzip(folder):
    content = bytearray(gzip.compress(IMAGES))
    content[30] ^= 0xFF
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(DataError):
        idx.read(path, rank=3)


def test_wrong_checksum(folder):
    path = folder / "train-labels-idx1-ubyte"
    with pytest.raises(DataError, match=r"is damaged: .* MD5 sum .*, expected 0123"):
        idx.read(path, rank=1, md5="0123")


def test_embedded_files_are_checked(folder, monkeypatch):
    monkeypatch.setattr("theanets.datasets.mnist.EMBEDDED", folder)
    with pytest.raises(DataError, match="MD5 sum"):
        load_mnist()
