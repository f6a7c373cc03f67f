"""Which outputs are probabilities, as losses of labels need them."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from theanets.errors import ConfigurationError
from theanets.losses.base import Loss
from theanets.utils.registry import is_ours, join_names

PROBABILITIES = ("softmax", "logistic", "rect:minmax")
"""Activations whose outputs are from 0 to 1."""


def output_kind(layers: Mapping[str, Any], full: str) -> str | None:
    """Return the activation that an output comes from, None if nobody can tell.

    ``"linear"`` is anything before an activation. Of several activations it is the
    last; of functions and classes of the user's own nothing is known.
    """
    name, _, output = full.partition(":")
    layer = layers.get(name)
    activation = getattr(layer, "activation", None)
    if layer is not None and output == "pre":
        return "linear"
    if output != "out" or activation is None:
        return None
    last = getattr(activation, "parts", (activation,))[-1]
    if not is_ours(type(last)) or not last.serializable:
        return None
    if last.spec == "linear" and "pre" not in getattr(layer, "outputs", ()):
        # It passes on what other layers give it.
        return None
    return str(last.spec)


def check_range(loss: Loss, kind: str | None, right: Collection[str]) -> None:
    """Check that an output has the range that a loss needs.

    Raises
    ------
    ConfigurationError
        If it is known to have another.
    """
    if kind is not None and kind not in right:
        raise ConfigurationError(
            f"{loss.form()} loss: it compares probabilities, but its output "
            f'"{loss.output_name}" has the activation "{kind}". Give that layer '
            f"one of the activations {join_names(right)}, or use another "
            "loss."
        )


class FromLogits(Loss, register=False):
    """A loss of probabilities that goes back to what they were computed from.

    Where the output's layer has the activation that the class names, logarithms are
    taken from its pre-activation, exactly however small they are. An output without
    an activation is taken for such a pre-activation.
    """

    probabilities: ClassVar[tuple[str, ...]] = ()
    """Further activations whose outputs are probabilities."""
    logits_name: str | None = None

    def bind(self, topology_layers: Mapping[str, Any]) -> Loss:
        bound = super().bind(topology_layers)
        assert isinstance(bound, FromLogits)
        kind = output_kind(topology_layers, self.output_name)
        check_range(self, kind, (self.output_activation, *self.probabilities, "linear"))
        layer, _, _ = self.output_name.partition(":")
        logits_name = None
        if kind == "linear":
            logits_name = self.output_name
        elif kind == self.output_activation == topology_layers[layer].activation.spec:
            logits_name = f"{layer}:pre"
        return bound.with_changes(logits_name=logits_name)

    def unbound(self) -> Loss:
        exact = self.logits_name == self.output_name
        return self.with_changes(logits_name=self.output_name if exact else None)
