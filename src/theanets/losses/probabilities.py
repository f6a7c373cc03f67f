"""Which outputs are probabilities, as losses of labels need them."""

from collections.abc import Collection, Mapping
from typing import ClassVar

from theanets.errors import ConfigurationError
from theanets.layers.binding import Node
from theanets.losses.base import Loss
from theanets.utils.registry import is_ours, join_names

EPSILON = 1e-8
"""Probabilities below this count as this, so that no logarithm is infinite."""
PROBABILITIES = ("softmax", "logistic", "rect:minmax")
"""Activations whose outputs are from 0 to 1."""


def output_kind(layers: Mapping[str, Node], full: str) -> str | None:
    """Return the activation that an output comes from, the last of several.

    It is "linear" before an activation, and None for the user's functions and classes.
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
        return None  # The layer passes on the outputs of other layers.
    return str(last.spec)


def check_range(loss: Loss, kind: str | None, valid: Collection[str]) -> None:
    """Raise an error if an output is known to have another range than a loss needs."""
    if kind is not None and kind not in valid:
        raise ConfigurationError(
            f"{loss.form()} loss: it compares probabilities, but its output "
            f'"{loss.output_name}" has the activation "{kind}". Give that layer '
            f"one of the activations {join_names(valid)}, or use another loss."
        )


class FromLogits(Loss, register=False):
    """A loss of probabilities that reads the pre-activation they come from, if it can.

    It can if the layer has the activation ``output_activation``. An output without an
    activation counts as such a pre-activation.
    """

    probabilities: ClassVar[tuple[str, ...]] = ()
    """Further activations whose outputs are probabilities."""
    logits_name: str | None = None

    def bind(self, layers: Mapping[str, Node]) -> Loss:
        bound = super().bind(layers)
        assert isinstance(bound, FromLogits)
        kind = output_kind(layers, self.output_name)
        check_range(self, kind, (self.output_activation, *self.probabilities, "linear"))
        layer, _, _ = self.output_name.partition(":")
        logits_name = None
        if kind == "linear":
            logits_name = self.output_name
        elif kind == self.output_activation == layers[layer].activation.spec:
            logits_name = f"{layer}:pre"
        return bound.with_changes(logits_name=logits_name)

    def unbound(self) -> Loss:
        exact = self.logits_name == self.output_name
        return self.with_changes(logits_name=self.output_name if exact else None)
