"""The MNIST digits, which come with the package, and data sets of their form."""

import os
from pathlib import Path
from typing import TypeAlias

from theanets.datasets import idx
from theanets.errors import ConfigurationError, DataError
from theanets.utils.checks import check_bool, shown

EMBEDDED = Path(__file__).parent / "mnist_data"
CHECKSUMS = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}

Arrays: TypeAlias = tuple[idx.Values, ...]


def load_mnist(
    flatten: bool = True,
    labels: bool = True,
    root: str | os.PathLike[str] | None = None,
) -> tuple[Arrays, Arrays, Arrays]:
    """Load the MNIST digits, or another data set in files of the same form.

    The 70 000 images come with the package: nothing is downloaded.

    Parameters
    ----------
    flatten : bool
        Give each image as one row of pixels; otherwise as (height, width, 1).
    labels : bool
        Give the labels too; otherwise each of the three parts is a 1-tuple.
    root : path, optional
        A folder with four IDX files named as in MNIST (such as
        ``train-images-idx3-ubyte``, plain or with ``.gz``) to read instead.
        Images can have any size and number there.

    Returns
    -------
    train, valid, test : tuple of ndarray
        Images, float32 from 0 to 1, (n, height * width) or (n, height, width,
        1), and labels, uint8 (n,). Of MNIST, n is 50 000, 10 000 and 10 000.
        The validation part is the last sixth of the training images.

    Raises
    ------
    ConfigurationError
        If ``flatten`` or ``labels`` is neither True nor False, or ``root`` no path.
    DataError
        If a file is damaged, is no IDX file, or does not fit the others.
    FileNotFoundError
        If the folder or one of its files is missing.

    References
    ----------
    Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten
    digits, CC BY-SA 3.0.

    Examples
    --------
    >>> import theanets
    >>> train, valid, test = theanets.datasets.load_mnist()
    >>> images, labels = train
    >>> images.shape, labels.shape
    ((50000, 784), (50000,))
    >>> labels[:10].tolist()
    [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    """
    flatten, labels = check_bool(flatten, "flatten"), check_bool(labels, "labels")
    folder = EMBEDDED if root is None else _folder(root)
    learn = _load(folder, "train", labels)
    test = _load(folder, "t10k", labels)
    if learn[0].shape[1:] != test[0].shape[1:]:
        raise DataError(
            f"{folder}: the training images have {idx.by(learn[0].shape[1:])} pixels, "
            f"the test images {idx.by(test[0].shape[1:])}. Both need one size."
        )
    count = len(learn[0])
    if count < 2:
        raise DataError(
            f"{folder}: there is {count} training image; at least 2 are needed, "
            "since the last sixth of them is for validation."
        )
    cut = count - max(1, count // 6)
    parts = (
        tuple(array[:cut] for array in learn),
        tuple(array[cut:] for array in learn),
        test,
    )
    return tuple(  # type: ignore[return-value]
        (images.reshape(len(images), -1) if flatten else images[..., None], *labels)
        for images, *labels in parts
    )


def _load(folder: Path, part: str, labels: bool) -> Arrays:
    """Return the images of "train" or "t10k", and their labels if asked for."""
    images = _read(folder, f"{part}-images-idx3-ubyte", rank=3, scale=255)
    if images.size == 0:
        raise DataError(
            f"{folder}: {part}-images-idx3-ubyte holds {len(images)} images of "
            f"{idx.by(images.shape[1:])} pixels; it needs at least one of each."
        )
    if not labels:
        return (images,)
    classes = _read(folder, f"{part}-labels-idx1-ubyte", rank=1)
    if len(images) != len(classes):
        raise DataError(
            f"{folder}: {len(images)} {part} images but {len(classes)} labels. "
            "The two files have to be of one data set."
        )
    return images, classes


def _read(folder: Path, name: str, rank: int, scale: float | None = None) -> idx.Values:
    md5 = CHECKSUMS[name] if folder == EMBEDDED else None
    # Some distributions unpack the files to names with a dot before "idx".
    dotted = name.replace("-idx", ".idx")
    candidates = (f"{name}.gz", name, f"{dotted}.gz", dotted)
    for candidate in candidates:
        if (folder / candidate).is_file():
            return idx.read(folder / candidate, rank, scale=scale, md5=md5)
    raise FileNotFoundError(f"{folder} has no file {name}, {name}.gz or {dotted}.")


def _folder(root: str | os.PathLike[str]) -> Path:
    if not isinstance(root, str | os.PathLike):
        raise ConfigurationError(
            f"root is {shown(root)}; it has to be the path of a folder, or None for "
            "the MNIST digits that come with the package."
        )
    folder = Path(root).expanduser()
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise FileNotFoundError(
            f"root={str(folder)!r} {what}; expected a folder with the files "
            f"{', '.join(CHECKSUMS)}, plain or with .gz."
        )
    return folder
