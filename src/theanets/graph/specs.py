"""One normal form for the ways to write a layer: a Layer object not yet bound."""

from collections.abc import Mapping, Sequence
from typing import Any

from theanets import activations, regularizers
from theanets.errors import ConfigurationError
from theanets.layers import FORMS, Input, Layer
from theanets.layers.keywords import check_name
from theanets.utils.checks import is_whole, shown
from theanets.utils.registry import join_names

Spec = Mapping[str, Any]
"""The keywords of a layer, with values of any kind."""


def layer_from(
    entry: object,
    name: str,
    *,
    first: bool,
    activation: str | None,
    ndim: int,
    more: Spec | None = None,
) -> Layer:
    """Make the layer that one entry of ``layers`` describes.

    ``name`` and ``activation`` hold where the entry gives none; an activation of None
    is relu. The ``first`` layer is an input unless it says otherwise. ``ndim`` is the
    rank of the data that the model reads, for inputs that do not give theirs. ``more``
    are keywords that complete the entry.
    """
    if isinstance(entry, Layer):
        if more:
            raise ConfigurationError(
                f"layer {shown(entry)} is made already, so it takes no "
                f"{join_names(more)}. Give that to its class instead."
            )
        if entry.given.get("name") is None and not entry.outputs:
            entry.rename(name)
        return entry
    spec = _as_keywords(entry, name)
    twice = sorted(spec.keys() & (more or {}).keys())
    if twice:
        raise ConfigurationError(
            f"the layer {shown(entry)} gives {join_names(twice)} itself, and got it "
            "again. Give each once."
        )
    spec |= more or {}
    if spec.get("name") is None:
        spec["name"] = name
    check_name(spec["name"])
    _refuse_regularizers(spec)
    form = spec.pop("form", None)
    if form is None:
        form = "input" if first else "feedforward"
    kind = FORMS.lookup(form, f'layer "{spec["name"]}": ')
    if issubclass(kind, Input):
        if spec.get("shape") is None and spec.get("ndim") is None:
            # An input of a given size has the rank that its model reads.
            spec["ndim"] = ndim
            if ndim > 3:
                raise ConfigurationError(
                    f'layer "{spec["name"]}": this model reads images, so its input '
                    "needs a shape such as (28, 28, 1), got size "
                    f"{shown(spec.get('size'))}."
                )
    elif spec.get("activation") is None and kind.leaves_activation_open(spec):
        spec["activation"] = activation
    return Layer.build(form, **spec)


def _refuse_regularizers(spec: Spec) -> None:
    """Refuse keywords of ``train``, which the original theanets ignored here."""
    keyword = min(set(map(str, spec)) & set(regularizers.keywords()), default=None)
    if keyword is not None:
        where, value = spec["name"], spec[keyword]
        kind = keyword.rpartition("_")[2]
        now = f"{keyword}={shown(value)}"
        if kind in ("noise", "dropout"):
            now = f'{kind}={{"{where}:out": {shown(value)}}}'
        raise ConfigurationError(
            f'layer "{where}": {keyword} is no keyword of a layer, but of train: '
            f"net.train(..., {now})."
        )


def _as_keywords(entry: object, name: str) -> dict[str, Any]:
    if is_whole(entry):
        return {"size": int(entry)}
    if isinstance(entry, str):
        if entry in activations.REGISTRY and entry not in FORMS:
            raise ConfigurationError(
                f'layer "{name}": {shown(entry)} is an activation, and a layer needs a '
                f"size too, such as (100, {shown(entry)})."
            )
        return {"form": entry}
    if isinstance(entry, Mapping) and all(isinstance(key, str) for key in entry):
        return dict(entry)
    if isinstance(entry, Sequence) and len(entry):
        if all(is_whole(part) or part is None for part in entry):
            if len(entry) == 1 and entry[0] is not None:
                return {"size": int(entry[0])}
            return {"shape": tuple(n if n is None else int(n) for n in entry)}
        return _from_parts(entry, name)
    raise ConfigurationError(
        f'layer "{name}": {shown(entry)} describes no layer. Give an int (its size), a '
        'tuple such as (100, "tanh"), a dict such as dict(size=100), or a Layer.'
    )


def _from_parts(parts: Sequence[Any], name: str) -> dict[str, Any]:
    """Read a tuple of one int, strings, and callables, in any order."""
    spec: dict[str, Any] = {}
    for part in parts:
        if is_whole(part):
            key = "size"
        elif part in FORMS and ("form" not in spec or part not in activations.REGISTRY):
            key = "form"
        elif isinstance(part, str) or callable(part):
            key = "activation"
        else:
            names = [x for x in parts if isinstance(x, str)]
            form = next((x for x in names if x in ("dropout", "noise")), None)
            example = f', dict(form="{form}", level={shown(part)})' if form else ""
            raise ConfigurationError(
                f'layer "{name}": {shown(part)} in {shown(tuple(parts))} is neither a '
                "size nor the name of a form or an activation. Use a dict for anything "
                f"else{example}."
            )
        if key in spec:
            raise ConfigurationError(
                f'layer "{name}": {shown(tuple(parts))} gives its {key} twice: '
                f"{shown(spec[key])} and {shown(part)}. Leave one out."
            )
        spec[key] = int(part) if key == "size" else part
    return spec
