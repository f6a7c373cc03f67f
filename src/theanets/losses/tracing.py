"""What the code of a user's own loss returns, found without computing."""

from collections.abc import Mapping
from typing import Any

import jax

from theanets.errors import ConfigurationError, TheanetsError
from theanets.layers.binding import Node
from theanets.utils.forks import refuse_forked
from theanets.utils.registry import listed

# Lengths that stand for any, and that nothing else is likely to have.
_EXAMPLES, _STEPS = 101, 11


def count_error_axes(loss: Any, layers: Mapping[str, Node], whole: bool) -> int | None:
    """Return how many axes the errors of a loss have; None if that is not known.

    ``whole`` says whether the loss has a ``__call__`` of its own, which returns the
    mean of the errors; else its ``terms`` returns the errors.

    Raises
    ------
    ConfigurationError
        If it does not return errors, or reads an output that is not there.
    """
    shapes = {
        f"{name}:{output}": (_EXAMPLES, *(n or _STEPS for n in shape))
        for name, layer in layers.items()
        for output, shape in getattr(layer, "outputs", {}).items()
    }
    if (output := shapes.get(loss.output_name)) is None:
        return None
    target = output[:-1] if loss.integer_target else output
    arrays = (
        {name: jax.ShapeDtypeStruct(x, "float32") for name, x in shapes.items()},
        jax.ShapeDtypeStruct(target, "int32" if loss.integer_target else "float32"),
    )
    refuse_forked()
    try:
        with listed(f"{loss.form()} loss: it", {"the outputs": shapes}):
            shape = jax.eval_shape(loss if whole else loss.terms, *arrays).shape
    except TheanetsError:
        raise
    except Exception:
        # It may need lengths that are not known yet: training will raise the error.
        return None
    if whole and shape == ():
        return None
    leading = [target[:end] for end in range(1, len(target) + 1)]
    if whole or shape not in [*leading, output]:
        expected = "one number, their mean"
        if not whole:
            expected = (
                f"{_named(target)} or (examples,), an error for each element or "
                "for each example"
            )
        raise ConfigurationError(
            f"{loss.form()} loss: for a target of the shape {_named(target)} it "
            f"returns {_named(shape)}, but has to return {expected}."
        )
    return len(shape)


def _named(shape: tuple[int, ...]) -> str:
    """Return a traced shape in words.

    >>> _named((101, 11, 3)), _named((101,)), _named(())
    ('(examples, time, 3)', '(examples,)', '()')
    """
    words = {_EXAMPLES: "examples", _STEPS: "time"}
    parts = [words.get(n, str(n)) for n in shape]
    return f"({', '.join(parts)}{',' * (len(parts) == 1)})"
