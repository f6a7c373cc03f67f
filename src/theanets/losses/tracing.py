"""What the code of a user's own loss returns, found without computing."""

from collections.abc import Callable, Mapping
from typing import Any

import jax

from theanets.errors import ConfigurationError, TheanetsError
from theanets.utils.forks import refuse_forked
from theanets.utils.registry import listed

Shapes = Mapping[str, tuple[int, ...]]

# Lengths that stand for any, and that nothing else is likely to have.
_EXAMPLES, _STEPS = 101, 11


def traced_shapes(layers: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return a shape for each output of some layers, open axes filled, by full name."""
    return {
        f"{name}:{output}": (_EXAMPLES, *(n or _STEPS for n in shape))
        for name, layer in layers.items()
        for output, shape in getattr(layer, "outputs", {}).items()
    }


def returned(
    function: Callable[..., Any], loss: Any, shapes: Shapes, whole: bool
) -> int | None:
    """Return how many axes the errors of a loss have; None: nothing was found out.

    Parameters
    ----------
    function : callable
        Computes errors of outputs and a target, or with ``whole`` their mean.
    loss : Loss
        The loss that it belongs to.
    shapes : mapping of str to tuple
        Of all outputs, by full name.
    whole : bool
        Whether the function returns the mean of the errors, one number.

    Raises
    ------
    ConfigurationError
        If it does not return errors, or reads an output that is not there.
    """
    output = shapes[loss.output_name]
    target = output[:-1] if loss.integer_target else output
    arrays = (
        {name: jax.ShapeDtypeStruct(x, "float32") for name, x in shapes.items()},
        jax.ShapeDtypeStruct(target, "int32" if loss.integer_target else "float32"),
    )
    refuse_forked()
    try:
        with listed(f"{loss.form()} loss: it", {"the outputs": shapes}):
            found = jax.eval_shape(function, *arrays).shape
    except TheanetsError:
        raise
    except Exception:
        # It may need lengths that are not known yet, and will tell then.
        return None
    if whole and found == ():
        return None
    leading = [target[:end] for end in range(1, len(target) + 1)]
    if whole or found not in [*leading, output]:
        right = "one number, their mean"
        if not whole:
            right = (
                f"{_named(target)} or (examples,), an error for each element or "
                "for each example"
            )
        raise ConfigurationError(
            f"{loss.form()} loss: for a target of the shape "
            f"{_named(target)} it returns {_named(found)}, but has to return "
            f"{right}."
        )
    return len(found)


def _named(shape: tuple[int, ...]) -> str:
    """Return a traced shape in words.

    >>> _named((101, 11, 3)), _named((101,)), _named(())
    ('(examples, time, 3)', '(examples,)', '()')
    """
    words = {_EXAMPLES: "examples", _STEPS: "time"}
    parts = [words.get(n, str(n)) for n in shape]
    return f"({', '.join(parts)}{',' * (len(parts) == 1)})"
