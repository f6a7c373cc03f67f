"""A table of a model's layers, for print."""

from math import prod

from theanets.models.state import ModelState


def table(model: ModelState) -> str:
    """Return the table, with a column of what is frozen if anything is."""
    heads = ("layer", "form", "inputs", "shape", "activation", "frozen", "parameters")
    rows: list[tuple[str, ...]] = [heads]
    topology, frozen = model.topology, model.topology.frozen
    for layer in topology.layers:
        shape = ", ".join("any" if n is None else str(n) for n in layer.shape)
        count = sum(prod(param.shape) for param in layer.params.values())
        inputs = ", ".join(x.removesuffix(":out") for x in layer.input_names)
        activation = layer.activation.spec if layer.takes_activation else ""
        names = [name for name in layer.params if layer.full_name(name) in frozen]
        still = ", ".join(names)
        if names and len(names) == len(layer.params):
            still = "all"
        cells = layer.name, layer.form, inputs, shape, activation, still, f"{count:,}"
        rows.append(cells)
    if not frozen:
        rows = [(*cells[:-2], cells[-1]) for cells in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if i == len(row) - 1 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    lines.insert(1, "-" * len(lines[0]))
    shapes = topology.param_shapes
    learned = sum(prod(shapes[name]) for name in topology.learnable)
    fixed = sum(prod(shapes[name]) for name in topology.learnable & frozen)
    of_them = f" ({fixed:,} of them frozen)" if frozen else ""
    losses = " + ".join(
        loss.form() if loss.weight == 1 else f"{loss.weight:g} {loss.form()}"
        for loss in model.losses
    )
    title = f"{model.kind.form}: {learned:,} learned parameters{of_them}, loss {losses}"
    return "\n".join([title, *lines])
