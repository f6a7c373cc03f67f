"""MNIST as plain `.npy` files, written once and read by every worker.

All competitors get bit-equal arrays, and no peer has to import theanets (and with
it JAX) to have them.
"""

from __future__ import annotations

import gzip
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np

TRAIN = 50_000
"""Training examples; the remaining 10 000 of the 60 000 are the validation set."""

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


@dataclass(frozen=True)
class Digits:
    """The arrays of one worker.

    Attributes
    ----------
    images : ndarray (n, 784)
        Training images: float32 in [0, 1], or uint8 where asked for.
    labels : ndarray of uint8 (n,)
    valid_images, valid_labels, test_images, test_labels : ndarray
        The other two parts, 10 000 examples each.
    """

    images: np.ndarray
    labels: np.ndarray
    valid_images: np.ndarray
    valid_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray

    def __len__(self) -> int:
        return len(self.images)


def packaged_root() -> Path:
    """Return the folder with MNIST's IDX files inside the installed theanets.

    theanets is found but not imported.
    """
    spec = importlib.util.find_spec("theanets")
    for place in (spec and spec.submodule_search_locations) or ():
        root = Path(place) / "datasets" / "mnist_data"
        if root.is_dir():
            return root
    raise FileNotFoundError(
        "no installed theanets with MNIST inside was found: install the project "
        "(pip install .) or name a folder of IDX files with --data"
    )


def read_idx(root: Path, name: str) -> np.ndarray:
    """Read one IDX file of unsigned bytes, gzipped or not, as an array."""
    packed = root / f"{name}.gz"
    raw = (
        gzip.decompress(packed.read_bytes())
        if packed.exists()
        else (root / name).read_bytes()
    )
    rank = raw[3]
    shape = np.frombuffer(raw, ">i4", rank, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)


def write(root: Path, folder: Path) -> None:
    """Write images (float32 and uint8) and labels of both parts to `folder`."""
    for part, (images, labels) in FILES.items():
        pixels = read_idx(root, images).reshape(-1, 784)
        np.save(folder / f"{part}-uint8.npy", pixels)
        np.save(folder / f"{part}-float32.npy", pixels.astype(np.float32) / 255)
        np.save(folder / f"{part}-labels.npy", read_idx(root, labels))


def load(folder: Path, dtype: str = "float32") -> Digits:
    """Read what `write` wrote. The 60 000 images are read into memory once."""
    images = np.load(folder / f"train-{dtype}.npy")
    labels = np.load(folder / "train-labels.npy")
    return Digits(
        images=images[:TRAIN],
        labels=labels[:TRAIN],
        valid_images=images[TRAIN:],
        valid_labels=labels[TRAIN:],
        test_images=np.load(folder / f"test-{dtype}.npy"),
        test_labels=np.load(folder / "test-labels.npy"),
    )
