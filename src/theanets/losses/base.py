"""What every loss is: an output and a target, compared and averaged.

A loss compares one output of the model with a target, element by element, and
averages. With weights w and errors e it is sum(w * e) / sum(w), or 0 if all weights
are 0, so that such a batch changes nothing.
"""

import copy
from collections.abc import Callable, Hashable, Mapping
from typing import Any, ClassVar, Self

import jax.numpy as jnp

from theanets.errors import ConfigurationError
from theanets.layers.binding import Node
from theanets.losses.averages import mean
from theanets.losses.tracing import count_error_axes
from theanets.types import Array, JsonDict, Outputs
from theanets.utils import keys
from theanets.utils.checks import check_bool, compilable, is_whole, number, shown
from theanets.utils.registered import Registered
from theanets.utils.registry import (
    Registry,
    is_ours,
    join_names,
    parameters,
    suggest,
    unknown,
)

REGISTRY: Registry["Loss"] = Registry("loss", by_alias=True)


class Loss(Registered):
    """The mean error of one output of a model.

    Make your own as a subclass that computes ``terms``: its name in lower case,
    and each of its ``aliases``, is then a form of loss.

    Parameters
    ----------
    weight : float
        How much the loss counts in a model with several.
    output_name : str, optional
        The output to compare; ``"hid1"`` means ``"hid1:out"``. By default the output
        of the model's last layer.
    target : str or int, optional
        Name of the array to compare it with; by default "target", or the input of a
        model that learns its input. Losses with the same name share it. An int is the
        number of axes, with the batch axis, that the array has to have.
    weighted : bool
        Whether the data hold an array of weights for the errors.

    Attributes
    ----------
    integer_target : bool
        Whether the target is labels, without the last axis of the output.
    target_range : pair of float, optional
        The least and the largest value that a target can have.
    output_activation : str
        The default activation of the last layer of a model with this loss; empty: the
        model's own default.
    numbers : mapping of str to callable
        Settings that may be changed at any time, also during training, and the
        function that checks each. In a model all others are fixed.
    has_accuracy : bool
        Whether ``accuracy`` means something.
    serializable : bool
        Whether ``to_spec`` is enough to make the loss again.

    Raises
    ------
    ConfigurationError
        If the weight is not a number.

    Examples
    --------
    >>> loss = Loss.build("mse")
    >>> outputs = {"out:out": jnp.array([[1.0, 2.0]])}
    >>> float(loss(outputs, jnp.array([[1.0, 4.0]])))
    2.0
    >>> float(loss(outputs, jnp.array([[1.0, 4.0]]), weights=jnp.array([[3.0, 1.0]])))
    1.0
    """

    catalogue = REGISTRY
    # ``error_axes`` follows from everything else.
    not_compared = frozenset(("_numbers", "_fixed", "error_axes"))
    integer_target: bool = False
    target_range: tuple[float, float] | None = None
    output_activation: str = ""
    numbers: ClassVar[Mapping[str, Callable[[Any, str], float]]] = {"weight": number}
    has_accuracy: bool = False
    serializable: bool = True
    error_axes: int | None = None
    """How many axes its errors have, if not as many as the target."""
    _numbers: dict[str, float]
    _target_ndim: int | None = None

    def __init__(
        self,
        target: str | int | None = None,
        weight: float = 1.0,
        weighted: bool = False,
        output_name: str | None = None,
    ) -> None:
        if is_whole(target):  # In the original, the number of axes of the target.
            self._target_ndim, target = target, None
        given = {"output_name": output_name, "target": target}
        # The model decides what is not given.
        self.implied = frozenset(name for name, x in given.items() if x is None)
        self.weight = weight
        output_name = "out" if output_name is None else output_name
        self.output_name = self.full_name("output_name", output_name)
        self.target = self._text("target", "target" if target is None else target)
        self.weighted = check_bool(weighted, f"{self.form()} loss: weighted")

    def __setattr__(self, name: str, value: object) -> None:
        if name in self.numbers:
            # In a dict of their own, which copies of the loss share.
            checked = self.numbers[name](value, f"{self.form()} loss: {name}")
            vars(self).setdefault("_numbers", {})[name] = checked
        elif vars(self).get("_fixed"):
            raise ConfigurationError(
                f"{self.form()} loss: {name} cannot be changed once the loss is in a "
                f"model; {join_names(self.numbers)} can. Give the model another loss: "
                f'net.set_loss("{self.form()}", {name}={shown(value)}).'
            )
        else:
            super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        numbers = vars(self).get("_numbers", {})
        if name in numbers:
            return numbers[name]
        return super().__getattr__(name)  # type: ignore[misc]

    def fix(self) -> None:
        """Refuse changes from now on, except of numbers: the loss is in a model."""
        vars(self)["_fixed"] = True

    @property
    def settings(self) -> dict[str, float]:
        """The numbers except the weight."""
        return {x: value for x, value in self._numbers.items() if x != "weight"}

    def with_settings(self, settings: Mapping[str, float | Array]) -> "Loss":
        """Return this loss with other numbers, not checked."""
        return self.with_changes(_numbers={**self._numbers, **settings})

    def with_changes(self, **changes: object) -> Self:
        """Return a copy with other attributes."""
        loss = copy.copy(self)
        vars(loss).update(changes)
        return loss

    @classmethod
    def form(cls) -> str:
        """Return the name by which specifications call this class."""
        return REGISTRY.label(cls)

    @staticmethod
    def build(
        form: "str | Loss | Callable[..., Array] | Mapping[str, Any]", **kwargs: Any
    ) -> "Loss":
        """Make a loss from its form and keywords.

        Parameters
        ----------
        form : str, Loss, callable or mapping
            A name such as ``"mse"``, in any case; a loss, which is used as it is; a
            function of output and target that returns elementwise errors; or all in
            one, such as ``dict(form="mse", weight=0.5)``.
        **kwargs
            Arguments of the loss. An unknown one raises a ConfigurationError.

        Examples
        --------
        >>> Loss.build("xe", weight=0.5).to_spec()["weight"]
        0.5
        >>> Loss.build("xe", wieght=0.5)
        Traceback (most recent call last):
            ...
        theanets.errors.ConfigurationError: xe loss: unknown keyword 'wieght'. ...
        """
        if isinstance(form, Mapping):
            if twice := set(form) & set(kwargs):
                raise ConfigurationError(
                    f"the loss {shown(dict(form))} came with {join_names(twice)} as a "
                    "keyword too. Give each once."
                )
            if "form" not in form:
                raise ConfigurationError(
                    f"the loss {shown(dict(form))} has no form. Write "
                    'dict(form="mae", weight=0.5), with one of the forms '
                    f"{join_names(REGISTRY.documented())}."
                )
            return Loss.build(**kwargs, **form)
        if isinstance(form, Loss):
            if kwargs:
                raise ConfigurationError(
                    f"{form.form()} loss: the loss is made already. Give "
                    f"{join_names(kwargs)} to its class instead."
                )
            return form
        cls: type[Loss]
        if isinstance(form, str):
            name, cls = form, REGISTRY.lookup(form)
        elif callable(form):
            name, cls = getattr(form, "__name__", "callable"), Custom
            kwargs["function"] = form
        else:
            raise ConfigurationError(
                f"the loss is {shown(form)}; it has to be a name, a function of output "
                f"and target, or a Loss. Names: {join_names(REGISTRY.documented())}."
            )
        known = parameters(cls)
        for keyword in kwargs:
            if keyword not in known:
                raise unknown(f"{name} loss: unknown keyword", keyword, known)
        return cls(**kwargs)

    def full_name(self, keyword: str, name: object) -> str:
        """Return the full name of an output, ``"hid1:out"`` for ``"hid1"``."""
        text = self._text(keyword, name)
        return text if ":" in text else f"{text}:out"

    def _text(self, keyword: str, name: object) -> str:
        if not isinstance(name, str):
            raise ConfigurationError(
                f"{self.form()} loss: {keyword} is {shown(name)}; it has to be a name, "
                "or left out."
            )
        return name

    def following(self, output_name: str, target: str) -> "Loss":
        """Return this loss with these names for those it was not given."""
        implied = {"output_name": f"{output_name}:out", "target": target}
        missing = {name: implied[name] for name in self.implied}
        return self.with_changes(_fixed=False, **missing)

    def follow(self, output_name: str, target: str) -> None:
        """Change this loss to what `following` returns."""
        loss = self.following(output_name, target)
        vars(self).update(output_name=loss.output_name, target=loss.target)

    @property
    def reads(self) -> dict[str, str]:
        """The full names of the outputs it reads, by the keyword that names each."""
        return {"output_name": self.output_name}

    def bind(self, layers: Mapping[str, Node]) -> "Loss":
        """Return this loss for a model with these layers, which have what it reads."""
        for keyword, full in self.reads.items():
            name, _, output = full.partition(":")
            if name not in layers:
                raise ConfigurationError(
                    f'{self.form()} loss: {keyword} "{full}" names no layer of the '
                    f"model. Layers: {', '.join(layers)}." + suggest(name, layers)
                )
            outputs = getattr(layers[name], "outputs", None)
            if outputs and output not in outputs:
                raise ConfigurationError(
                    f'{self.form()} loss: {keyword} "{full}" names no output '
                    f'of layer "{name}". It has: {join_names(outputs)}.'
                )
            shape = outputs[output] if outputs else None
        if self._target_ndim is not None and shape is not None:
            ndim = 1 + len(shape) - self.integer_target
            if ndim != self._target_ndim:
                raise ConfigurationError(
                    f"{self.form()} loss: target is {self._target_ndim}, a number of "
                    f'axes, but the target of "{self.output_name}" {shape} has {ndim}, '
                    "with the batch axis. Leave it out, or give the name of its array."
                )
        if is_ours(type(self)) and self.serializable:
            return self
        whole = type(self).__call__ is not Loss.__call__
        axes = count_error_axes(self, layers, whole)
        return self if axes is None else self.with_changes(error_axes=axes)

    def unbound(self) -> "Loss":
        """Return this loss as before `bind`: it reads only the output it names."""
        return self

    def terms(self, outputs: Outputs, target: Array) -> Array:
        """Return the errors, one per element of the target."""
        raise NotImplementedError(f"{type(self).__name__} needs a terms method")

    def __call__(
        self, outputs: Outputs, target: Array, weights: Array | None = None
    ) -> Array:
        """Return the mean error, a scalar; ``weight`` is not in it.

        ``weights`` has the shape of the target, or only its first axes: one
        weight per example, or per example and time.
        """
        return mean(self.terms(outputs, target), weights)

    def accuracy(
        self, outputs: Outputs, target: Array, weights: Array | None = None
    ) -> Array:
        """Return the (weighted) share of labels that have the largest output.

        Of equal outputs the first counts as the largest. If the target is not labels,
        this raises a ConfigurationError.
        """
        if not self.has_accuracy:
            raise ConfigurationError(
                f"a {self.form()} loss has no accuracy: its target is not labels."
            )
        scores = outputs[self.scores_name]
        hits = jnp.argmax(scores, axis=-1) == target.astype(jnp.int32)
        return mean(hits.astype(scores.dtype), weights)

    @property
    def scores_name(self) -> str:
        """The output whose largest entry is the predicted class."""
        return self.output_name

    def to_spec(self) -> JsonDict:
        """Return the form and keywords that make this loss, ready for JSON."""
        attributes = {**vars(self), **self._numbers}
        names = [x for x in parameters(type(self)) if x not in self.implied]
        for name in names:
            if name not in attributes:
                raise ConfigurationError(
                    f"{self.form()} loss: its keyword {shown(name)} cannot be saved: "
                    f"the loss has no such attribute. Keep it as self.{name}."
                )
        return {"form": self.form(), **{name: attributes[name] for name in names}}

    def key(self) -> Hashable:
        """Return a key, equal for losses that differ at most in their numbers."""
        return keys.key(self)


class Custom(Loss, register=False):
    """The errors that a function of output and target returns."""

    serializable = False

    def __init__(self, *, function: Callable[..., Array], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.function = function

    def terms(self, outputs: Outputs, target: Array) -> Array:
        with compilable(f"{self.form()} loss: its function"):
            errors = self.function(outputs[self.output_name], target)
        if not isinstance(errors, Array):
            raise ConfigurationError(
                f"{self.form()} loss: its function returned {shown(errors)}; it has to "
                "return a JAX array of the errors, one for each element of the target."
            )
        return errors
