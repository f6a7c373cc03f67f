"""A table of a model's layers, for print."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from theanets.network import Network


def table(net: "Network") -> str:
    """Return a table of layers, forms, inputs, shapes, activations and parameters."""
    rows = [("layer", "form", "inputs", "shape", "activation", "parameters")]
    for layer in net.layers:
        shape = ", ".join("any" if n is None else str(n) for n in layer.shape)
        count = sum(_count(param.shape) for param in layer.params.values())
        inputs = ", ".join(x.removesuffix(":out") for x in layer.input_names)
        activation = layer.activation.spec if layer.takes_activation else ""
        rows.append((layer.name, layer.form, inputs, shape, activation, f"{count:,}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if i == len(row) - 1 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    lines.insert(1, "-" * len(lines[0]))
    learned = sum(param.size for param in net.params)
    losses = " + ".join(
        loss.form() if loss.weight == 1 else f"{loss.weight:g} {loss.form()}"
        for loss in net.losses
    )
    title = f"{net.form}: {learned:,} learned parameters, loss {losses}"
    return "\n".join([title, *lines])


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for length in shape:
        count *= length
    return count
