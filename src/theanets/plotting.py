"""Pictures of what a model has learned; matplotlib is imported when one is drawn."""

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from theanets.data.arrays import as_array
from theanets.errors import ConfigurationError, DataError
from theanets.utils.checks import check_int, counted, is_whole, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

_WIDTH = 6.0  # of a new figure, in inches
_MOST_COLUMNS = 10_000


def features(
    param: object,
    shape: tuple[int, ...] = (28, 28),
    columns: int | None = None,
    ax: "Axes | None" = None,
    cmap: "str | Colormap" = "gray",
) -> "Axes":
    """Draw what each unit of a layer looks for in its input, as one picture.

    The picture is a grid without gaps with one feature per unit, row by row: the
    unit's weights, laid out like the input image. All features share one scale of
    brightness, from the smallest weight to the largest.

    Parameters
    ----------
    param : parameter or array_like, shape (inputs, units)
        A handle such as ``net.find('hid1', 'w')``, or any array.
    shape : tuple of int
        The shape of one input image: (height, width) for grey ones, or
        (height, width, 3) for coloured ones.
    columns : int, optional
        Features in one row of the grid; by default as many as rows, or one more.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    cmap : str or matplotlib Colormap
        The colours of small and large weights; not used for coloured features.

    Returns
    -------
    ax : matplotlib Axes
        Holds the picture; ``ax.figure.savefig(path)`` writes it to a file.

    Raises
    ------
    DataError
        If the array is not (inputs, units), its columns do not have the size of one
        image, or some values are NaN or infinite.
    ConfigurationError
        If ``shape``, ``columns`` or ``ax`` is not valid.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from theanets import plotting
    >>> weights = np.random.default_rng(0).normal(size=(784, 100))
    >>> ax = plotting.features(weights)
    >>> ax.images[0].get_array().shape
    (280, 280)
    """
    picture = mosaic(param, shape, columns)
    if ax is not None and not hasattr(ax, "imshow"):
        raise ConfigurationError(
            f"ax is {shown(ax)}; it has to be an Axes of matplotlib, such as plt.gca()."
        )
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            "drawing needs matplotlib, which is not installed: "
            'pip install "theanets[plot]"'
        ) from error
    if ax is None:
        height = _WIDTH * picture.shape[0] / picture.shape[1]
        _, ax = pyplot.subplots(figsize=(_WIDTH, height), layout="constrained")
    ax.imshow(picture, cmap=cmap, interpolation="nearest")
    ax.set_axis_off()
    return ax


def mosaic(
    param: object, shape: tuple[int, ...] = (28, 28), columns: int | None = None
) -> NDArray[np.float64]:
    """Return the picture that `features` draws, as an array.

    Its shape is (rows * height, columns * width), with NaN where the grid has no
    feature; for colours (rows * height, columns * width, 3), with the weights scaled to
    0..1, and 1 where there is no feature. Arguments and errors are as for `features`.

    Examples
    --------
    >>> mosaic([[1, 2, 3], [4, 5, 6]], shape=(1, 2))
    array([[ 1.,  4.,  2.,  5.],
           [ 3.,  6., nan, nan]])
    """
    shape = _image_shape(shape)
    weights = _weights(param, shape)
    units = weights.shape[1]
    if columns is None:
        columns = math.ceil(math.sqrt(units))
    columns = check_int(columns, "columns", below=_MOST_COLUMNS)
    rows = math.ceil(units / columns)
    blank = np.nan
    if len(shape) == 3:
        # matplotlib scales grey pictures itself, but takes colours as they are.
        low, high = weights.min(), weights.max()
        weights = (weights - low) / ((high - low) or 1.0)
        blank = 1.0
    cells = np.full((rows * columns, *shape), blank)
    cells[:units] = weights.T.reshape(units, *shape)
    height, width, *colours = shape
    grid = cells.reshape(rows, columns, *shape).swapaxes(1, 2)
    return grid.reshape(rows * height, columns * width, *colours)


def _image_shape(shape: object) -> tuple[int, ...]:
    sizes = tuple(shape) if isinstance(shape, tuple | list) else ()
    colours_fit = len(sizes) == 2 or (len(sizes) == 3 and sizes[2] == 3)
    if not colours_fit or not all(is_whole(size, 1) for size in sizes):
        raise ConfigurationError(
            f"shape is {shown(shape)}; it has to be (height, width) or (height, width, "
            "3), such as (28, 28)."
        )
    return tuple(int(size) for size in sizes)


def _weights(param: object, shape: tuple[int, ...]) -> NDArray[np.float64]:
    what = f"parameter {shown(param.name)}" if hasattr(param, "name") else "the array"
    weights = np.asarray(as_array(param, what))
    if weights.ndim != 2 or weights.shape[1] == 0:
        raise DataError(
            f"{what} has the shape {weights.shape}; it has to be (inputs, units), with "
            "one feature in each column, such as net.find('hid1', 'w')."
        )
    if len(weights) != math.prod(shape):
        raise DataError(
            f"{what} has {len(weights)} values in each column, but an image of "
            f"shape {shape} has {math.prod(shape)}. Give the shape of the model's "
            "input images, as in shape=(height, width)."
        )
    weights = weights.astype(np.float64)
    if bad := int(np.count_nonzero(~np.isfinite(weights))):
        raise DataError(
            f"{what} holds {counted(bad, 'value')} that cannot be drawn, NaN or "
            "infinity. Replace them first, for instance with numpy.nan_to_num."
        )
    return weights
