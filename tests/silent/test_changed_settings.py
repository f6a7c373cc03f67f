"""What a function reads, or a layer was given, is never ignored once it has changed."""

import copy
import functools
import io
import pickle
import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import theanets
from theanets.training.programs import PROGRAMS
from theanets.utils import keys

from ..helpers import compilations

RNG = np.random.default_rng(0)
X = RNG.standard_normal((8, 3)).astype("f4")
Y = RNG.standard_normal((8, 2)).astype("f4")

# How a function can read a value. Each gives a function, and one that changes that.


def defined(source, **names):
    """Return the names that some source defines, as in a module of its own."""
    space = {"__name__": "mine", "jax": jax, "jnp": jnp, "np": np, **names}
    exec(source, space)
    return space


def a_global():
    space = defined("def read(): return K", K=1.0)
    return space["read"], lambda value: space.update(K=value)


def a_global_of_a_nested_function():
    space = defined(
        "def deep(): return K\ndef read(): return (lambda: deep() * 1.0)()", K=1.0
    )
    return space["read"], lambda value: space.update(K=value)


def another_function_by_the_name():
    space = defined("def deep(): return 1.0\ndef read(): return deep()")
    return space["read"], lambda value: space.update(deep=lambda: value)


def a_captured_value():
    held = 1.0

    def change(value):
        nonlocal held
        held = value

    return lambda: held, change


def a_default():
    def read(value=1.0):
        return value

    return read, lambda value: setattr(read, "__defaults__", (value,))


def a_keyword_default():
    def read(*, value=1.0):
        return value

    return read, lambda value: read.__kwdefaults__.update(value=value)


class Reader:
    factor = 1.0

    def __init__(self):
        self.value = 1.0

    def __call__(self):
        return self.value

    def method(self):
        return self.value

    def of_the_class(self):
        return self.factor

    def by_name(self):
        return getattr(self, "val" + "ue")


def an_attribute_of_a_callable_object():
    reader = Reader()
    return reader, lambda value: setattr(reader, "value", value)


def an_attribute_of_an_object_with_the_method():
    reader = Reader()
    return reader.method, lambda value: setattr(reader, "value", value)


def an_attribute_by_a_name_made_up():
    reader = Reader()
    return reader.by_name, lambda value: setattr(reader, "value", value)


def an_attribute_of_a_class():
    class Own(Reader):
        pass

    return Own().of_the_class, lambda value: setattr(Own, "factor", value)


def the_code_of_a_function():
    def read():
        return 1.0

    return read, lambda value: setattr(
        read, "__code__", (lambda: 3.0).__code__ if value == 3.0 else ONE
    )


ONE = (lambda: 1.0).__code__


def a_number_of_ones_own():
    class Number(float):
        pass

    space = defined("def read(): return 1.0 * K", K=Number(1.0))
    return space["read"], lambda value: space.update(K=Number(value))


def a_slot():
    class Slotted:
        __slots__ = ("value",)

        def __call__(self):
            return self.value

    reader = Slotted()
    reader.value = 1.0
    return reader, lambda value: setattr(reader, "value", value)


def a_namespace():
    settings = types.SimpleNamespace(value=1.0)
    return lambda: settings.value, lambda value: setattr(settings, "value", value)


def a_module():
    settings = types.ModuleType("mine_too")
    settings.value = 1.0
    space = defined("def read(): return settings.value", settings=settings)
    return space["read"], lambda value: setattr(settings, "value", value)


def an_argument_of_a_partial():
    read = functools.partial(lambda value: value, value=1.0)
    return read, lambda value: read.keywords.update(value=value)


def an_attribute_of_the_function():
    def read():
        return read.value

    read.value = 1.0
    return read, lambda value: setattr(read, "value", value)


def an_array_in_place():
    array = np.ones(3)
    space = defined("def read(): return ARRAY[0]", ARRAY=array)
    return space["read"], lambda value: array.fill(value)


def a_large_array_in_place():
    array = np.ones(100_000)
    return lambda: float(array[-1]), lambda value: array.__setitem__(-1, value)


def an_array_of_jax():
    space = defined("def read(): return ARRAY[0]", ARRAY=jnp.ones(3))
    return space["read"], lambda value: space.update(ARRAY=jnp.full(3, value))


def an_entry_of_a_dict():
    settings = {"some": [{"value": 1.0}]}
    return (
        lambda: settings["some"][0]["value"],
        lambda value: settings["some"][0].update(value=value),
    )


def an_entry_of_a_list():
    values = [1.0]
    return lambda: values[0], lambda value: values.__setitem__(0, value)


def a_mask_in_place():
    held = np.ma.masked_array(np.full(9000, 1.0), mask=False)
    held.data[-1] = 3.0

    def read():
        return float(held.filled(1.0).max())

    held[-1] = np.ma.masked
    return read, lambda value: held.mask.__setitem__(-1, value == 1.0)


def bytes_in_place():
    held = bytearray(b"\x01")
    return lambda: float(held[0]), lambda value: held.__setitem__(0, int(value))


def a_function_in_a_dict():
    table = {"f": lambda: 1.0}
    return lambda: table["f"](), lambda value: table.update(f=lambda: value)


def a_global_of_a_loop_of_jax():
    space = defined(
        "def body(i, carry): return carry + K\n"
        "def read(): return jax.lax.fori_loop(0, 1, body, 0.0)",
        K=1.0,
    )
    return space["read"], lambda value: space.update(K=value)


def a_global_of_a_function_with_jit():
    space = defined(
        "@jax.jit\ndef inner(): return K\ndef read(): return inner()", K=1.0
    )
    return space["read"], lambda value: space.update(K=value)


def a_global_behind_vmap():
    space = defined("def read(): return jax.vmap(inner)(np.ones(1))[0]", K=1.0)
    exec("def inner(x): return K * x", space)
    return space["read"], lambda value: space.update(K=value)


def a_value_behind_a_decorator():
    held = [1.0]

    def doubled(function):
        @functools.wraps(function)
        def wrapper():
            return function() * 1.0

        return wrapper

    return doubled(lambda: held[0]), lambda value: held.__setitem__(0, value)


WAYS = [
    a_global,
    a_global_of_a_nested_function,
    another_function_by_the_name,
    a_captured_value,
    a_default,
    a_keyword_default,
    an_attribute_of_a_callable_object,
    an_attribute_of_an_object_with_the_method,
    an_attribute_by_a_name_made_up,
    an_attribute_of_a_class,
    a_slot,
    the_code_of_a_function,
    a_number_of_ones_own,
    a_namespace,
    a_module,
    an_argument_of_a_partial,
    an_attribute_of_the_function,
    an_array_in_place,
    a_large_array_in_place,
    an_array_of_jax,
    an_entry_of_a_dict,
    an_entry_of_a_list,
    a_mask_in_place,
    bytes_in_place,
    a_function_in_a_dict,
    a_global_of_a_loop_of_jax,
    a_global_of_a_function_with_jit,
    a_global_behind_vmap,
    a_value_behind_a_decorator,
]


@pytest.fixture(autouse=True)
def mine(monkeypatch):
    # A module of the user's own can be imported.
    monkeypatch.setitem(sys.modules, "mine", types.ModuleType("mine"))


# Where such a function can stand. Each takes it, and gives one that computes with it.


def quiet(**more):
    return {"algo": "sgd", "max_epochs": 1, "progress": False, **more}


def a_loss(read):
    def loss(output, target):
        return read() * (output - target) ** 2

    return lambda: theanets.Regressor([3, 2], loss=loss).train([X, Y], **quiet())


def a_kernel(read):
    loss = {"form": "mmd", "kernel": lambda a, b: read() * (a * b).sum(axis=-1)}
    return lambda: theanets.Regressor([3, 2], loss=loss).train([X, Y], **quiet())


class Scaled(theanets.Loss, register=False):
    def __init__(self, read, **keywords):
        super().__init__(**keywords)
        self.read = read

    def terms(self, outputs, target):
        return self.read() * (outputs[self.output_name] - target) ** 2


def a_loss_of_a_class(read):
    net = theanets.Regressor([3, 2], loss=Scaled(read))
    return lambda: copy.deepcopy(net).train([X, Y], **quiet())


def an_activation(read):
    net = theanets.Regressor([3, (2, lambda x: read() * x)])
    return lambda: net.predict(X)


class Times(theanets.Activation, register=False):
    def __init__(self, read):
        super().__init__()
        self.read = read

    def transform(self, params, x):
        return self.read() * x


def an_activation_of_a_class(read):
    net = theanets.Regressor([3, {"size": 2, "activation": Times(read)}, 2])
    return lambda: net.predict(X)


def a_monitor(read):
    net = theanets.Regressor([3, 2])
    monitors = {"out:out": {"mine": lambda x: read() * x.mean()}}
    return lambda: copy.deepcopy(net).train([X, Y], **quiet(monitors=monitors))


class OwnPenalty(theanets.Regularizer):
    def __init__(self, read, **keywords):
        super().__init__(**keywords)
        self.read = read

    def penalty(self, evaluation):
        return self.read() * (evaluation.params["out.w"] ** 2).mean()


def a_regularizer(read):
    net, terms = theanets.Regressor([3, 2]), [OwnPenalty(read, weight=1.0)]
    return lambda: copy.deepcopy(net).train([X, Y], **quiet(regularizers=terms))


class OwnNoise(theanets.Regularizer):
    default_role = "hidden"

    def __init__(self, read, **keywords):
        super().__init__(**keywords)
        self.read = read

    def modify(self, name, value, key, weight):
        return value * self.read()


def a_change_of_outputs(read):
    net, noise = theanets.Regressor([3, 4, 2]), OwnNoise(read, weight=1.0)
    return lambda: net.predict(X, regularizers=[noise])


class Through(theanets.Layer, abstract=True):
    takes_activation = False

    def __init__(self, read, **keywords):
        super().__init__(**keywords)
        self.read = read

    def transform(self, params, inputs):
        return self.read() * inputs[self.input_name]


def a_layer(read):
    net = theanets.Regressor([3, Through(read), 2])
    return lambda: net.predict(X)


class Cell(theanets.layers.Recurrent, abstract=True):
    def __init__(self, read, **keywords):
        super().__init__(**keywords)
        self.read = read

    def setup(self):
        self.add_weights("xh", self.input_size, self.size)

    def project(self, params, x):
        return x @ params["xh"]

    def step(self, params, state, x):
        h = x + self.read() * state["h"]
        return {"h": h}, {"out": h}


def a_recurrent_layer(read):
    net = theanets.recurrent.Regressor([3, Cell(read, size=4), 2])
    return lambda: net.predict(X[None])


def minimizing(read):
    def loss(params, x):
        return ((params["a"] - read() * x) ** 2).mean()

    return lambda: theanets.minimize(loss, {"a": 0.5}, X, **quiet()).params


def a_schedule(read):
    net = theanets.Regressor([3, 2])

    def rate(count):
        return 0.01 * read()

    def trained():
        made = copy.deepcopy(net)
        made.train([X, Y], **quiet(learning_rate=rate))
        return made.predict(X)

    return trained


def a_transformation(read):
    net = theanets.Regressor([3, 2])

    def scaled(updates, state, params=None):
        return jax.tree.map(lambda x: -0.01 * read() * x, updates), state

    rule = optax.GradientTransformation(lambda params: optax.EmptyState(), scaled)

    def trained():
        made = copy.deepcopy(net)
        made.train([X, Y], **quiet(algo=rule))
        return made.predict(X)

    return trained


PLACES = [
    a_loss,
    a_kernel,
    a_loss_of_a_class,
    an_activation,
    an_activation_of_a_class,
    a_monitor,
    a_regularizer,
    a_change_of_outputs,
    a_layer,
    a_recurrent_layer,
    minimizing,
    a_schedule,
    a_transformation,
]


@functools.cache
def expected(place):
    """Return what a function that has always read 3 gives."""
    return plain(place(lambda: 3.0)())


def plain(found):
    return [np.asarray(x).tolist() for x in jax.tree.leaves(found)]


def check(way, place):
    read, change = way()
    compute = place(read)
    before = plain(compute())
    change(3.0)
    assert plain(compute()) == expected(place) != before
    change(1.0)
    assert plain(compute()) == before


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_change_what_a_function_reads(way):
    check(way, an_activation)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("way", [a_global, a_global_of_a_loop_of_jax])
def test_every_place_of_a_function(way, place):
    check(way, place)


@pytest.mark.parametrize("way", [a_captured_value, an_attribute_of_a_callable_object])
@pytest.mark.parametrize("place", [a_loss, a_monitor, a_layer, minimizing])
def test_more_ways_and_places(way, place):
    check(way, place)


# What has not changed is not compiled again.


@pytest.mark.parametrize("place", PLACES)
def test_nothing_is_compiled_where_nothing_changed(place):
    read, _ = an_attribute_of_a_callable_object()
    compute = place(read)
    first = plain(compute())
    with compilations() as compiled:
        assert plain(compute()) == first
    assert not compiled


def test_a_value_that_comes_back_compiles_nothing():
    read, change = a_namespace()
    net = theanets.Regressor([3, (2, lambda x: read() * x)])
    programs = []
    for value in (1.0, 2.0, 1.0, 2.0):
        change(value)
        net.predict(X)
        programs.append(len(PROGRAMS))
    assert programs[1:] == programs[1:2] * 3


def test_a_program_is_not_shared_with_one_that_has_changed_since():
    # The first one's would be traced again, for another number of rows.
    first, second = Reader(), Reader()

    def net(read):
        return theanets.Regressor([3, (2, lambda x: read() * x)])

    net(first).predict(X)
    first.value = 3.0
    made = net(second)
    np.testing.assert_allclose(made.predict(X[:2]), made.predict(X)[:2], rtol=1e-5)


def test_what_no_function_names_is_not_looked_at():
    class Trainer:
        def __init__(self):
            self.factor, self.rounds = 2.0, []

        def loss(self, output, target):
            return self.factor * (output - target) ** 2

    trainer = Trainer()
    net = theanets.Regressor([3, 2], loss=trainer.loss)
    net.train([X, Y], **quiet())
    trainer.rounds.append(1)
    with compilations() as compiled:
        net.train([X, Y], **quiet())
    assert not compiled


def test_what_cannot_be_compared_is_seen_after_clear_cache():
    generator = np.random.default_rng(0)
    net = theanets.Regressor(
        [3, (2, lambda x: generator.bit_generator.state["state"]["inc"] % 7 * x)]
    )
    before = net.predict(X)
    generator.bit_generator.state = np.random.default_rng(5).bit_generator.state
    assert np.array_equal(net.predict(X), before)
    theanets.clear_cache()
    assert len(PROGRAMS) == 0
    assert not np.array_equal(net.predict(X), before)


def test_objects_that_refer_to_one_another_have_a_key():
    class Linked:
        def __call__(self, x):
            return self.other.value * x

    one, two = Linked(), Linked()
    one.other, two.other, one.value, two.value = two, one, 1.0, 2.0
    circle = [one]
    circle.append(circle)
    one.circle = circle
    assert keys.key(one) == keys.key(one) != keys.key(two)


def test_numbers_of_other_types_and_signs_are_others():
    def reading(value):
        return keys.key(functools.partial(print, value))

    values = [1, 1.0, True, 0.0, -0.0, np.float32(1), "1", b"1", None, (1,), [1], {1}]
    for i, one in enumerate(values):
        for j, other in enumerate(values):
            assert (reading(one) == reading(other)) == (i == j), (one, other)
    assert reading(float("nan")) == reading(float("nan"))


# A layer in a model stays as it is.


class Factor(theanets.Layer):
    takes_activation = False

    def __init__(self, *, factors=(1.0,), **keywords):
        super().__init__(**keywords)
        self.factors = factors

    def transform(self, params, inputs):
        return sum(self.factors) * inputs[self.input_name]


def model():
    layers = [3, (4, "leak:0.1"), {"form": "factor", "factors": [2.0]}, (4, "relu"), 2]
    return theanets.Regressor(layers)


ASSIGNMENTS = {
    "an activation": (1, "activation", "tanh"),
    "a size": (1, "size", 7),
    "a shape": (1, "shape", (7,)),
    "inputs": (1, "input_names", ("hid2:out",)),
    "a name": (1, "name", "other"),
    "arrays": (1, "params", {}),
    "a class's attribute": (1, "trains_differently", True),
    "a private attribute": (1, "_size", 9),
    "an attribute of one's own": (2, "factors", [5.0]),
    "a new attribute": (2, "other", 1),
    "what it was given": (2, "given", {}),
}


@pytest.mark.parametrize("what", ASSIGNMENTS)
def test_an_assignment_to_a_layer_is_refused_and_changes_nothing(what):
    place, name, value = ASSIGNMENTS[what]
    net = model()
    before = net.predict(X)
    with pytest.raises(
        theanets.ConfigurationError, match=r'^layer "hid.": its '
    ) as info:
        setattr(net.layers[place], name, value)
    assert "net.replace" in str(info.value) or name == "name"
    agree(net, before)


def agree(net, before=None):
    """Check that a network, its copies, and what its file holds answer alike."""
    with io.BytesIO() as file:
        net.save(file)
        loaded = theanets.load(file.getvalue())
    found = net.predict(X)
    assert before is None or np.array_equal(found, before)
    for other in (loaded, copy.deepcopy(net), copy.copy(net)):
        assert np.array_equal(other.predict(X), found)


def test_the_message_says_how_to_make_a_changed_model():
    with pytest.raises(theanets.ConfigurationError) as info:
        model().layers[1].activation = "tanh"
    assert str(info.value) == (
        'layer "hid1": its activation is fixed once the layer is in a model, where '
        "predictions, files and copies have to agree. Make a model with the change: "
        "net.replace(\"hid1\", activation='tanh')."
    )


def test_other_ways_to_change_a_layer_are_refused_too():
    net = model()
    with pytest.raises(theanets.ConfigurationError, match="fixed once"):
        del net.layers[2].factors
    with pytest.raises(theanets.ConfigurationError, match="fixed once"):
        net.layers[1].rename("other")
    with pytest.raises(theanets.ConfigurationError, match="slope of its activation"):
        net.layers[1].activation.slope = 0.5
    with pytest.raises(theanets.ConfigurationError, match="slope of its activation"):
        del net.layers[1].activation.slope
    agree(net)


def test_each_part_of_a_composition_and_each_worker_is_fixed():
    net = theanets.recurrent.Regressor(
        [3, {"form": "bidirectional", "size": 4, "activation": "leak:0.1+tanh"}, 2]
    )
    for worker in net.layers[1].workers:
        with pytest.raises(theanets.ConfigurationError, match="fixed once"):
            worker.activation.parts[0].slope = 3.0
        with pytest.raises(theanets.ConfigurationError, match="fixed once"):
            worker.backward = True


def test_a_pickled_network_is_fixed_too():
    net = pickle.loads(pickle.dumps(theanets.Regressor([3, (4, "leak:0.1"), 2])))
    with pytest.raises(theanets.ConfigurationError, match="fixed once"):
        net.layers[1].activation = "tanh"
    with pytest.raises(theanets.ConfigurationError, match="fixed once"):
        net.layers[1].activation.slope = 1.0


def test_a_layer_and_an_activation_outside_a_model_can_be_changed():
    activation = theanets.activations.build("leak:0.1")
    layer = theanets.layers.Feedforward(size=4, activation=activation)
    layer.activation.slope = 0.5
    activation.slope = 0.7
    net = theanets.Regressor([3, layer, 2])
    activation.slope = 0.9
    assert net.layers[1].activation.slope == 0.5
    again = theanets.activations.build(net.layers[1].activation)
    again.slope = 3.0
    assert again.slope == 3.0


def test_a_layer_that_could_not_be_added_is_not_fixed():
    class Failing(theanets.Layer, abstract=True):
        takes_activation = False
        wrong = True

        def transform(self, params, inputs):
            return inputs["nothing"] if self.wrong else inputs[self.input_name]

    layer = Failing()
    with pytest.raises(theanets.ConfigurationError):
        theanets.Regressor([3, layer, 2])
    layer.wrong = False
    theanets.Regressor([3, layer, 2]).predict(X)


def test_a_list_that_a_layer_computes_with_is_read_as_it_is():
    net = model()
    before = net.predict(X)
    net.layers[2].factors.append(1.0)
    assert not np.array_equal(net.predict(X), before)
    agree(net)


def test_a_new_network_has_what_its_layer_found_when_it_was_made():
    found = {"factor": 1.0}

    class Finding(theanets.Layer, abstract=True):
        takes_activation = False

        def setup(self):
            self.factor = found["factor"]

        def transform(self, params, inputs):
            return self.factor * inputs[self.input_name]

    one = theanets.Regressor([3, 2, Finding()])
    before = one.predict(X)
    found["factor"] = 2.0
    other = theanets.Regressor([3, 2, Finding()])
    for param in other.params:
        param.set_value(one.find(param.name).get_value())
    assert np.array_equal(other.predict(X), 2 * before)
    assert np.array_equal(one.predict(X), before)


def test_an_attribute_of_a_loss_of_ours_counts_and_is_saved():
    net = theanets.Regressor([3, 2], loss="huber")
    copy.deepcopy(net).train([X, Y], **quiet())
    net.losses[0].delta = 0.1
    with io.BytesIO() as file:
        net.save(file)
        loaded = theanets.load(file.getvalue())
    fresh = theanets.Regressor([3, 2], loss={"form": "huber", "delta": 0.1})
    found = [each.train([X, Y], **quiet())[1]["err"] for each in (net, loaded, fresh)]
    assert found[0] == found[1] == found[2]


def test_a_layer_can_be_given_what_has_no_hash():
    net = theanets.Regressor([3, {"form": "factor", "factors": {2.0, 1.0}}, 2])
    before = net.predict(X)
    net.layers[1].factors.add(3.0)
    np.testing.assert_allclose(net.predict(X), 2 * before, rtol=1e-5)


def test_a_list_that_a_layer_has_copied_is_saved_as_it_was():
    shape = [6, 2]
    net = theanets.Network([3, {"size": 12}, {"form": "reshape", "shape": shape}])
    before = net.predict(X)
    shape[0] = 12
    agree(net, before)


# The number of a loss's weight is handed to the program.


def test_another_weight_of_a_loss_counts_at_once():
    net = theanets.Regressor([3, 2])
    one = copy.deepcopy(net).train([X, Y], **quiet())[1]["loss"]
    net.losses[0].weight = 2.0
    assert net.train([X, Y], **quiet())[1]["loss"] != one


class Weighing(theanets.Loss, register=False):
    def terms(self, outputs, target):
        return self.weight * (outputs[self.output_name] - target) ** 2


def test_a_weight_that_a_class_reads_itself_counts_too():
    net = theanets.Regressor([3, 2], loss=Weighing(weight=1.0))
    before = copy.deepcopy(net).train([X, Y], **quiet())[1]["err"]
    net.losses[0].weight = 2.0
    other = theanets.Regressor([3, 2], loss=Weighing(weight=2.0))
    found = net.train([X, Y], **quiet())[1]["err"]
    assert found == other.train([X, Y], **quiet())[1]["err"] != before


def test_what_a_class_counts_of_its_objects_compiles_nothing():
    class Counted(theanets.Layer, abstract=True):
        takes_activation = False
        made = 0

        def __init__(self, **keywords):
            super().__init__(**keywords)
            type(self).made += 1

        def transform(self, params, inputs):
            return 2 * inputs[self.input_name]

    theanets.Regressor([3, Counted(), 2]).predict(X)
    with compilations() as compiled:
        theanets.Regressor([3, Counted(), 2]).predict(X)
    assert not compiled


# A changed model is a new one.


def test_replace_keeps_what_fits_and_draws_the_rest():
    net = theanets.Regressor([3, (4, "tanh"), (5, jnp.sin), 2], rng=5)
    net.freeze("hid*")
    net.train([X, Y], **quiet())
    made = net.replace("hid1", size=6)
    assert type(made) is type(net) and made.seed == 5
    assert made.layers[1].activation.spec == "tanh"
    fresh = theanets.Regressor([3, (6, "tanh"), (5, jnp.sin), 2], rng=5)
    for name in ("hid1.w", "hid1.b", "hid2.w"):
        assert np.array_equal(made.find(name), fresh.find(name)), name
    for name in ("hid2.b", "out.w", "out.b"):
        assert np.array_equal(made.find(name), net.find(name)), name
    assert made.frozen == ["hid2.b"]
    assert net.frozen == ["hid1.b", "hid1.w", "hid2.b", "hid2.w"]
    assert net.layers[1].size == 4
    assert made.history["stage"] == [] != net.history["stage"]


def test_a_replaced_model_is_that_which_was_written_so():
    net = theanets.Regressor([3, (4, "tanh"), 2])
    made = net.replace(1, activation="relu")
    other = theanets.Regressor([3, (4, "relu"), 2])
    for each in (made, other):
        each.train([X, Y], algo="adam", max_epochs=3, progress=False)
    assert np.array_equal(made.predict(X), other.predict(X))
    agree(made)


def test_a_change_of_a_replaced_model_leaves_the_first_alone():
    net = theanets.Regressor([3, (4, "tanh"), 2], loss="mae")
    before = net.predict(X)
    made = net.replace(net.layers[1], activation="relu")
    made.train([X, Y], **quiet())
    made.losses[0].weight = 5.0
    assert np.array_equal(net.predict(X), before)
    assert net.losses[0].weight == 1.0
    assert made.losses[0].form() == "mae"


def test_replace_takes_another_form_with_the_keywords_it_knows():
    net = theanets.recurrent.Regressor(
        [3, {"form": "rnn", "size": 4, "direction": "backward"}, 2]
    )
    made = net.replace("hid1", form="gru")
    assert (made.layers[1].form, made.layers[1].size) == ("gru", 4)
    assert made.layers[1].backward
    assert np.array_equal(made.find("out.w"), net.find("out.w"))
    assert net.replace("hid1", form="lstm").layers[1].activation.spec == "tanh"


def test_replace_rebinds_layers_that_depend_on_the_changed_one():
    net = theanets.Autoencoder([4, (3, "tanh"), "tied"])
    made = net.replace("in", size=5)
    assert made.layers[-1].shape == (5,)
    assert made.predict(np.ones((2, 5))).shape == (2, 5)


WRONG = {
    "an unknown keyword": ("hid1", {"siz": 3}, "takes no keyword 'siz'.*size"),
    "a name": ("hid1", {"name": "other"}, "replace keeps its name"),
    "an unknown form": ("hid1", {"form": "rnnn"}, "unknown layer form 'rnnn'"),
    "an unknown activation": ("hid1", {"activation": "tan"}, "unknown activation"),
    "later inputs": ("hid1", {"inputs": "out"}, "no earlier layer's output"),
    "a size that is fixed": ("out", {"form": "flatten", "size": 3}, "size 3 was given"),
}


@pytest.mark.parametrize("what", WRONG)
def test_replace_says_what_is_wrong_as_a_new_model_does(what):
    layer, changes, message = WRONG[what]
    net = theanets.Regressor([3, (4, "tanh"), 2])
    with pytest.raises(theanets.ConfigurationError, match=message):
        net.replace(layer, **changes)


def test_replace_says_that_there_is_no_such_layer():
    with pytest.raises(KeyError, match="no layer 'hid7'"):
        theanets.Regressor([3, 4, 2]).replace("hid7", size=3)


def test_replace_keeps_a_model_of_ones_own():
    class Mine(theanets.Regressor):
        def __init__(self, *args, note=None, **keywords):
            super().__init__(*args, **keywords)
            self.note = note

    made = Mine([3, 4, 2], note="kept").replace("hid1", size=5)
    assert type(made) is Mine and made.note == "kept"


def test_a_method_that_is_put_in_the_place_of_another_is_used():
    class Plain(theanets.Layer, abstract=True):
        takes_activation = False

        def transform(self, params, inputs):
            return inputs[self.input_name]

    net = theanets.Regressor([3, Plain(), 2])
    before = net.predict(X)

    def doubled(self, params, inputs):
        return 2 * inputs[self.input_name]

    Plain.transform = doubled
    assert not np.array_equal(net.predict(X), before)


def test_functions_that_share_a_helper_do_not_make_each_other_compile():
    factor = [2.0]

    def helper(x):
        return factor[0] * x

    def plainly(x):
        return helper(x)

    def after_another(x):
        return plainly(helper(x))

    nets = [theanets.Regressor([3, (2, f)]) for f in (plainly, after_another, helper)]
    before = [net.predict(X) for net in nets]
    with compilations() as compiled:
        again = [net.predict(X) for net in nets]
    assert not compiled
    np.testing.assert_array_equal(again, before)
