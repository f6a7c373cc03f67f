"""Model files: one safetensors file, whose metadata describe the model as JSON.

A file is data. Nothing in it is run: layers, losses and activations are looked up by
name among the classes that the program already has.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from theanets.errors import ConfigurationError, ModelFileError

FORMAT = 1
"""The version of the description; it grows when older readers would go wrong."""
_KEY = "theanets"
_PRECISIONS = {"F32": "float32", "F64": "float64", "BF16": "bfloat16"}

File = str | os.PathLike[str] | BinaryIO


def write(
    file: File, description: Mapping[str, Any], arrays: Mapping[str, Any]
) -> None:
    """Write a model file, whole or not at all.

    Parameters
    ----------
    file : path or binary file object
        Where to write; a path is replaced only once the new file is complete.
    description : mapping
        What JSON can hold.
    arrays : mapping of str to array
        The parameters by full name.

    Raises
    ------
    ConfigurationError
        If the description holds what JSON cannot.
    OSError
        If the file cannot be written; what was there before is untouched.
    """
    from safetensors.numpy import save

    try:
        text = json.dumps({"format": FORMAT, **description})
    except TypeError as error:
        raise ConfigurationError(
            f"the model cannot be written: {error}. A keyword of one of its layers or "
            "losses is no number, text, list or dict of those, so no file can hold it."
        ) from None
    held = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    content = save(held, metadata={_KEY: text})
    if hasattr(file, "write"):
        file.write(content)
    else:
        _replace(Path(file), content)


def read(file: File) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read a model file.

    Parameters
    ----------
    file : path or binary file object
        What `write` has written.

    Returns
    -------
    description : dict
        What was given to `write`.
    arrays : dict of str to array
        The parameters by full name.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If it is damaged, no model file, or from a newer version.
    """
    import safetensors

    name = (
        getattr(file, "name", "the file") if hasattr(file, "read") else os.fspath(file)
    )
    content = file.read() if hasattr(file, "read") else Path(file).read_bytes()
    where = f'model file "{name}"'
    try:
        description = _description(content)
        held = safetensors.deserialize(content)  # type: ignore[no-untyped-call]
        arrays = {name: _array(**array) for name, array in held}
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(
            f"{where} is damaged or no model file: {error}. It has to be a file that "
            "save has written; if it was copied, copy it again."
        ) from error
    version = description.pop("format", None)
    if not isinstance(version, int) or version > FORMAT:
        raise ModelFileError(
            f"{where} has format {version!r}; this version of theanets reads formats "
            f"up to {FORMAT}. Install a newer theanets to read it."
        )
    return description, arrays


def _array(dtype: str, shape: list[int], data: bytes) -> np.ndarray:
    # The reader that comes with safetensors does not know bfloat16.
    return np.frombuffer(data, np.dtype(_PRECISIONS[dtype])).reshape(shape)


def _description(content: bytes) -> dict[str, Any]:
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 or size > len(content) - 8:
        raise ValueError("it ends too early")
    header = json.loads(content[8 : 8 + size])
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    if not isinstance(metadata, dict) or _KEY not in metadata:
        raise ValueError("it holds arrays but does not describe a model")
    description = json.loads(metadata[_KEY])
    if not isinstance(description, dict):
        raise ValueError("its description is not a JSON object")
    return description


def _replace(path: Path, content: bytes) -> None:
    """Write beside the target, flush to the disk, and only then take its place."""
    handle, temporary = tempfile.mkstemp(
        prefix=f".{path.name}.", dir=path.parent or "."
    )
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(path))
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _mode(path: Path) -> int:
    """Return the permissions of the file in place, or those a new one would have."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
