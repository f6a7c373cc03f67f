"""Whether a network can be pickled, and what stands in the way."""

import pickle
import sys
from typing import Any

from theanets.errors import ConfigurationError
from theanets.models.state import ModelState


def check_picklable(model: ModelState) -> None:
    """Raise an error for the first part of a model that pickle cannot write.

    Raises
    ------
    ConfigurationError
        If a class, or a function in a layer or a loss, is not at the top level of a
        module. cloudpickle, as joblib uses it, can write most of those.
    """
    parts: dict[str, Any] = {f"the class {model.kind.form}": model.kind}
    parts |= {f'layer "{layer.name}"': layer for layer in model.topology.layers}
    parts |= {f"the loss {loss.form()}": loss for loss in model.losses}
    for what, part in parts.items():
        try:
            pickle.dumps(part)
        except Exception as error:
            if _writes_functions():
                return
            raise ConfigurationError(
                f"{what} cannot be pickled: {error}. Pickles name functions and "
                "classes by their module. Move a lambda, or what is defined inside a "
                "function, to the top level of a module; for a function of JAX give "
                'its name, such as "tanh". copy.deepcopy needs neither.'
            ) from error


def _writes_functions() -> bool:
    """Return whether it is cloudpickle that is at work."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_globals.get("__name__", "").endswith("cloudpickle"):
            return True
    return False
