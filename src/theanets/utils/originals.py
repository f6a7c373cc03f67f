"""Classes written for the original theanets, refused where they are defined.

Nothing would call their methods, so each raises an error that shows how to write it
now.
"""

import inspect
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from textwrap import indent

from theanets.errors import ConfigurationError
from theanets.utils.registry import is_ours


@dataclass(frozen=True)
class Form:
    """How something was written for the original, and how it is written now."""

    port: str
    """Lines of the body of a class that do it now."""
    arguments: tuple[str, ...] = ()
    """The arguments of the method now; one that takes them is in the new form."""
    unlike: str = ""
    """The name of an argument that only the original form has."""
    replaced_by: str = ""
    """The name of what does it now; in a class that has it, the old name is free."""

    def matches(self, value: object) -> bool:
        """Return whether a value in a class is written in the original's form."""
        if not (self.arguments or self.unlike):
            return True
        if not inspect.isfunction(value):
            return False
        signature = inspect.signature(value)
        if self.unlike:
            return self.unlike in signature.parameters
        try:
            signature.bind("self", *self.arguments)
        except TypeError:
            return True
        return False


_NAMES = Form('aliases = ("other_name",)', replaced_by="aliases")

_PENALTY = """\
def penalty(self, evaluation):
    x = evaluation.outputs["hid1:out"]  # or evaluation.params["hid1.w"]
    return (x ** 2).mean()"""
_MODIFY = """\
def modify(self, name, value, key, weight):
    return value + weight * jax.random.normal(key, value.shape)"""
_TERMS = """\
def terms(self, outputs, target):
    return (outputs[self.output_name] - target) ** 2"""
_CALL = """\
def __call__(self, outputs, target, weights=None):
    return theanets.losses.mean((outputs[self.output_name] - target) ** 2, weights)"""
_ACTIVATE = """\
def transform(self, params, x):
    return jnp.maximum(x, 0)"""
_STEP = """\
def step(self, gradient, state, param, hyperparams):
    return hyperparams["learning_rate"] * gradient"""
_TRANSFORM = """\
def transform(self, params, inputs):
    return inputs[self.input_name] @ params["w"]"""
_SHAPE = """\
def infer_output_shape(self):
    return (*self.input_shape[:-1], self.input_size // 2)"""
_SETUP = """\
def setup(self):
    self.add_weights("w", self.input_size, self.size)"""
_LOG = "# print(net) shows every layer, and the summary of a class is its __repr__"
_GRAPH = """\
def feed_forward(self, x, **regularizers):
    return super().feed_forward(x, **regularizers)
# the model as a pure function of JAX: apply, params = net.functional()"""

FORMS: Mapping[str, Mapping[str, Form]] = {
    "Regularizer": {
        "loss": Form(_PENALTY, replaced_by="penalty"),
        "modify_graph": Form(_MODIFY, replaced_by="modify"),
        "log": Form(_LOG),
    },
    "Loss": {
        "__call__": Form(_TERMS, arguments=("outputs", "target", "weights")),
        "accuracy": Form(
            "has_accuracy = True\n"
            "def accuracy(self, outputs, target, weights=None):\n"
            "    return super().accuracy(outputs, target, weights)",
            arguments=("outputs", "target", "weights"),
        ),
        "log": Form(_LOG),
    },
    "Activation": {
        "__call__": Form(_ACTIVATE, replaced_by="transform"),
        "__init__": Form(
            'def setup(self):\n    self.add_param("leak", (self.size,), draw)',
            unlike="layer",
        ),
    },
    "Layer": {
        "transform": Form(_TRANSFORM, arguments=("params", "inputs")),
        "output_shape": Form(_SHAPE),
        "output_size": Form(_SHAPE),
        "resolve_outputs": Form(_SHAPE, replaced_by="infer_output_shape"),
        "resolve_inputs": Form(
            "# inputs are resolved before setup: self.input_shapes, self.input_shape"
        ),
        "resolve": Form(_SHAPE),
        "bind": Form(_SETUP, unlike="graph"),
        "connect": Form(_TRANSFORM),
        "log": Form(_LOG),
        "log_params": Form(_LOG),
    },
    "Network": {
        "DEFAULT_OUTPUT_ACTIVATION": Form(
            'output_activation = "softmax"', replaced_by="output_activation"
        ),
        "INPUT_NDIM": Form(
            "input_ndim = 3  # with the batch axis", replaced_by="input_ndim"
        ),
        "OUTPUT_NDIM": Form(
            'default_loss = "xe"  # the shape of a target follows from the loss'
        ),
        "monitors": Form(
            "def train(self, *args, **kwargs):\n"
            '    kwargs.setdefault("monitors", {"hid1:out": (0.1, 0.9)})\n'
            "    return super().train(*args, **kwargs)"
        ),
        "loss": Form(
            'default_loss = "mae"  # or the name of your own theanets.Loss\n'
            '# a second one: net.add_loss("mae", weight=0.1)'
        ),
        "updates": Form(
            "# state that changes while training belongs to a layer of your own, with\n"
            "trains_differently = True  # and transform_training(params, inputs, key)"
        ),
        "build_graph": Form(_GRAPH),
    },
}
"""By base class and name, what the original's users wrote in their subclasses."""

_NEEDS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "Regularizer": (("penalty", "modify"), f"{_PENALTY}\n# or\n{_MODIFY}"),
    "Loss": (("terms", "__call__"), f"{_TERMS}\n# or\n{_CALL}"),
    "Activation": (("transform",), _ACTIVATE),
    "Optimizer": (("step", "transformation"), _STEP),
}
"""By base class: methods, at least one of which a subclass has to define."""


def refuse(cls: type, base: type, abstract: bool = False) -> None:
    """Raise an error, with the new form, if a class is written in the original's form.

    ``base`` is the class of this package that it extends. If it is ``abstract``,
    methods may be missing.
    """
    kind = base.__name__
    forms = {**FORMS.get(kind, {}), "__extra_registration_keys__": _NAMES}
    for name, form in forms.items():
        owner = _owner(cls, name)
        if owner is None or not form.matches(vars(owner)[name]):
            continue
        now = form.replaced_by and _owner(cls, form.replaced_by)
        if now and cls.__mro__.index(now) <= cls.__mro__.index(owner):
            continue
        raise ConfigurationError(
            f"class {cls.__name__}: {_written(name, vars(owner)[name])} is the form of "
            "the original theanets; nothing here would use it. Write:\n\n"
            + _shown(cls, kind, form.port)
        )
    methods, port = _NEEDS.get(kind, ((), ""))
    # The base class has these methods too, for those that a subclass leaves out.
    defined = {x for c in cls.__mro__ if c is not base for x in vars(c)}
    if methods and not abstract and not set(methods) & defined:
        raise ConfigurationError(
            f"class {cls.__name__} has no {' and no '.join(methods)}, so it would do "
            "nothing. Write:\n\n"
            + _shown(cls, kind, port)
            + "\n\nIf it is only a base of other classes: class "
            f"{cls.__name__}(theanets.{kind}, register=False)."
        )


def refuse_keywords(where: str, keywords: Collection[str]) -> None:
    """Raise an error if ``add_weights`` is called with the original's keywords."""
    if {"nin", "nout"} & set(keywords):
        raise ConfigurationError(
            f"{where}add_weights has no {' and no '.join(sorted(keywords))} now, but "
            "rows and columns: self.add_weights(name, rows=..., columns=...)."
        )


def _owner(cls: type, name: str) -> type | None:
    """Return the user's class that defines a name, None if it is one of ours."""
    for owner in cls.__mro__:
        if name in vars(owner):
            return None if owner is object or is_ours(owner) else owner
    return None


def _written(name: str, value: object) -> str:
    if not inspect.isfunction(value):
        return name
    bare = inspect.signature(value).replace(return_annotation=inspect.Signature.empty)
    return f"{name}{bare}"


def _shown(cls: type, kind: str, body: str) -> str:
    return f"    class {cls.__name__}(theanets.{kind}):\n" + indent(body, " " * 8)
