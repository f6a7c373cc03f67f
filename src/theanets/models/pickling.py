"""Whether a network can be pickled, and what stands in the way."""

import pickle
import sys

from theanets.errors import ConfigurationError
from theanets.models.state import ModelState


def check_picklable(model: ModelState) -> None:
    """Raise an error for the first part of a model that pickle cannot write."""
    # cloudpickle, which joblib uses for its workers, can write most of these parts, and
    # nothing shows which of the two is running: the user gets pickle's own error.
    if "cloudpickle" in sys.modules:
        return
    parts: dict[str, object] = {f"the class {model.kind.form}": model.kind}
    parts |= {f'layer "{layer.name}"': layer for layer in model.topology.layers}
    parts |= {f"the loss {loss.form()}": loss for loss in model.losses}
    for what, part in parts.items():
        try:
            pickle.dumps(part)
        except Exception as error:
            raise ConfigurationError(
                f"{what} cannot be pickled: {error}. Pickles name functions and "
                "classes by their module. Move a lambda, or what is defined inside a "
                "function, to the top level of a module; for a function of JAX give "
                'its name, such as "tanh". copy.deepcopy needs neither.'
            ) from error
