"""What every loss is: an output and a target, compared and averaged.

A loss compares one output of the model with a target, element by element, and
averages. With weights w and errors e it is sum(w * e) / sum(w), which is 0 where
all weights are 0, so that a batch without any weight teaches nothing.
"""

import copy
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import jax.numpy as jnp
from jax import Array

from theanets import keys, originals
from theanets.checks import compilable, flag, is_whole, number
from theanets.errors import ConfigurationError
from theanets.registry import Registry, listing, parameters, suggest

Outputs = Mapping[str, Array]


class Loss:
    """The mean error of one output of a model.

    Make your own as a subclass that computes ``terms``: its name in lower case,
    and each of its ``aliases``, is then a form of loss.

    Parameters
    ----------
    weight : float
        How much the loss counts where a model has several.
    output_name : str, optional
        The output to compare; ``"hid1"`` means ``"hid1:out"``. By default that of the
        model's last layer.
    target : str or int, optional
        Name of the array to compare it with; by default "target", or the input of a
        model that learns its input. Losses with one name share it. Or how many axes
        the array has, with that of the batch, which is compared with the model's.
    weighted : bool
        Whether the data hold an array of weights for the errors.

    Attributes
    ----------
    integer_target : bool
        Whether the target is labels, without the last axis of the output.
    target_range : pair of float, optional
        The least and the largest value that a target can have.
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

    aliases: tuple[str, ...] = ()
    integer_target: bool = False
    target_range: tuple[float, float] | None = None
    has_accuracy: bool = False
    serializable: bool = True

    def __init__(
        self,
        target: str | int | None = None,
        weight: float = 1.0,
        weighted: bool = False,
        output_name: str | None = None,
    ) -> None:
        # The original was told how many axes the target has.
        axes = is_whole(target)
        self._target_ndim: Any = target if axes else None
        target = None if axes else target
        # What is not given follows the model that the loss is bound to.
        self.implied = frozenset(
            name
            for name, value in {"output_name": output_name, "target": target}.items()
            if value is None
        )
        self.weight = number(weight, f"{self.form()} loss: weight")
        self.output_name = self.full_name(
            "output_name", "out" if output_name is None else output_name
        )
        self.target = self._text("target", "target" if target is None else target)
        self.weighted = flag(weighted, f"{self.form()} loss: weighted")

    def __init_subclass__(cls, register: bool = True, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        originals.refuse(cls, Loss, abstract=not register)
        if register:
            own = vars(cls).get("aliases", ())
            REGISTRY.register(cls, cls.__name__.lower(), *own)

    @classmethod
    def form(cls) -> str:
        """Return the name by which specifications call this class."""
        own: tuple[str, ...] = vars(cls).get("aliases", ())
        return own[0] if own else cls.__name__.lower()

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
            Arguments of the loss.

        Raises
        ------
        ConfigurationError
            If there is no such form or it takes no such keyword.

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
                    f"the loss {dict(form)!r} came with {listing(twice)} besides. Give "
                    "each once, in the dict or as a keyword."
                )
            given: dict[str, Any] = {**kwargs, **form}
            if "form" not in given:
                raise ConfigurationError(
                    f"the loss {dict(form)!r} has no form. Write "
                    'dict(form="mae", weight=0.5), with one of the forms '
                    f"{listing(REGISTRY)}."
                )
            return Loss.build(**given)
        if isinstance(form, Loss):
            if kwargs:
                raise ConfigurationError(
                    f"{form.form()} loss: the loss is made already, so it takes no "
                    f"{listing(kwargs)}. Give that to its class instead."
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
                f"the loss is {form!r}; it has to be a name, a function of output "
                f"and target, or a Loss. Names: {listing(REGISTRY)}."
            )
        known = parameters(cls)
        for keyword in kwargs:
            if keyword not in known:
                raise ConfigurationError(
                    f"{name} loss: unknown keyword {keyword!r}. "
                    f"Known: {listing(known)}." + suggest(keyword, known)
                )
        return cls(**kwargs)

    def full_name(self, keyword: str, name: Any) -> str:
        """Return the full name of an output, ``"hid1:out"`` for ``"hid1"``."""
        text = self._text(keyword, name)
        return text if ":" in text else f"{text}:out"

    def _text(self, keyword: str, name: Any) -> str:
        if not isinstance(name, str):
            raise ConfigurationError(
                f"{self.form()} loss: {keyword} is {name!r}; it has to be a name, "
                "or left out."
            )
        return name

    def following(self, output_name: str, target: str) -> "Loss":
        """Return this loss with what it was not given."""
        made = copy.copy(self)
        if "output_name" in self.implied:
            made.output_name = f"{output_name}:out"
        if "target" in self.implied:
            made.target = target
        return made

    @property
    def reads(self) -> dict[str, str]:
        """The full names of the outputs it reads, by the keyword that names each."""
        return {"output_name": self.output_name}

    def bind(self, topology_layers: Mapping[str, Any]) -> "Loss":
        """Return this loss for a model with these layers.

        Raises
        ------
        ConfigurationError
            If an output it reads is not among theirs.
        """
        for keyword, full in self.reads.items():
            name, _, output = full.partition(":")
            if name not in topology_layers:
                raise ConfigurationError(
                    f'{self.form()} loss: {keyword} "{full}" names no layer of the '
                    f"model. Layers: {', '.join(topology_layers)}."
                    + suggest(name, topology_layers)
                )
            outputs = getattr(topology_layers[name], "outputs", None)
            if outputs and output not in outputs:
                raise ConfigurationError(
                    f'{self.form()} loss: {keyword} "{full}" names no output '
                    f'of layer "{name}". It has: {listing(outputs)}.'
                )
            shape = outputs[output] if outputs else None
        if self._target_ndim is not None and shape is not None:
            ndim = 1 + len(shape) - self.integer_target
            if ndim != self._target_ndim:
                raise ConfigurationError(
                    f"{self.form()} loss: target is {self._target_ndim}, the number of "
                    f'its axes, but that of "{self.output_name}" {shape} has {ndim}, '
                    "with the batch axis. Leave the target out, or give the name of "
                    "its array."
                )
        return self

    def unbound(self) -> "Loss":
        """Return this loss as it was before `bind`: it reads its output alone."""
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

        The first of several equal outputs counts as the largest.

        Raises
        ------
        ConfigurationError
            If the loss is not one of labels.
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

    def to_spec(self) -> dict[str, Any]:
        """Return the form and keywords that make this loss, ready for JSON."""
        mine = vars(self)
        names = [x for x in parameters(type(self)) if x not in self.implied]
        lost = [name for name in names if name not in mine]
        if lost:
            raise ConfigurationError(
                f"{self.form()} loss: its keyword {lost[0]!r} cannot be saved, for the "
                f"loss has no attribute of that name. Keep it as self.{lost[0]}."
            )
        return {"form": self.form(), **{name: mine[name] for name in names}}

    def key(self) -> Hashable:
        """Return what makes two losses one computation: all but the weight."""
        return keys.key(self)

    def _compared(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "weight"}


REGISTRY: Registry[Loss] = Registry("loss")


def mean(errors: Array, weights: Array | None = None) -> Array:
    """Return the mean of errors, weighted if there are weights; 0 if they are all 0.

    Weights may lack the last axes of the errors; each then counts for all of its
    elements.

    Examples
    --------
    >>> float(mean(jnp.array([1.0, 4.0]), jnp.array([2.0, 1.0])))
    2.0
    """
    if weights is None:
        return errors.mean()
    weights = with_axes(weights.astype(errors.dtype), errors.ndim)
    weights = jnp.broadcast_to(weights, errors.shape)
    total = weights.sum()
    return (weights * errors).sum() / jnp.where(total == 0, 1, total)


def with_axes(weights: Array, ndim: int) -> Array:
    """Return weights with the last axes that they lack, of length 1.

    Examples
    --------
    >>> with_axes(jnp.ones(3), 2).shape
    (3, 1)
    """
    return jnp.expand_dims(weights, range(weights.ndim, ndim))


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
                f"{self.form()} loss: its function returned {errors!r}; it has to "
                "return a JAX array of the errors, one for each element of the target."
            )
        return errors
