"""Every update rule against the original's numbers, optax, and misuse."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from theanets.errors import ConfigurationError
from theanets.optimizers import ALGORITHMS, hessian_vector, keywords, resolve
from theanets.utils.registry import is_ours

from .golden import case, cases

DTYPES = ["bfloat16", "float32", "float64"]


@pytest.fixture
def x64():
    with jax.enable_x64(True):
        yield


def regressor(params, x, target):
    """Mean squared error of the model [3, (4, 'tanh'), 2]."""
    hidden = jnp.tanh(x @ params["hid1.w"] + params["hid1.b"])
    output = hidden @ params["out.w"] + params["out.b"]
    return jnp.square(output - target).mean()


def descend(algo, loss, params, steps, curvature=None, **hyper):
    """Yield the parameters after each update, by one compiled step."""
    optimizer = resolve(algo, hyper)
    assert not hyper

    @jax.jit
    def step(params, state, count, direction):
        value, grads = jax.value_and_grad(loss)(params)
        hv = hessian_vector(loss, params, direction) if curvature else None
        return optimizer.update(
            grads, state, params, optimizer.values, count=count, value=value,
            value_fn=loss, curvature=hv,
        )  # fmt: skip

    state = optimizer.init(params)
    for count in range(steps):
        direction = curvature(count) if curvature else None
        params, state = step(params, state, count, direction)
        yield params


@pytest.mark.parametrize("name", cases("optimizers"))
def test_golden(name):
    meta, arrays = case(name)
    hyper = dict(meta["kwargs"])
    decay = hyper.pop("weight_l2", 0.0)
    if meta["algo"] == "nag":
        # The original's Nesterov trainer had no momentum unless asked for it.
        hyper.setdefault("momentum", 0.0)

    def loss(params):
        error = regressor(params, arrays["data/in"], arrays["data/target"])
        weights = params["hid1.w"], params["out.w"]
        return error + decay * sum(jnp.square(w).mean() for w in weights) / 2

    def curvature(count):
        names = meta["param_order"]
        return {name: jnp.asarray(arrays[f"v/{name}"][count]) for name in names}

    params = {n: jnp.asarray(arrays[f"init/{n}"]) for n in meta["param_order"]}
    draws = curvature if meta["algo"] == "esgd" else None
    path = [params, *descend(meta["algo"], loss, params, 25, draws, **hyper)]
    for count in (1, 2, 5, 25):
        for n, value in path[count].items():
            np.testing.assert_allclose(
                value, arrays[f"step{count}/{n}"], rtol=1e-3, atol=1e-5
            )


@pytest.mark.parametrize(
    ("algo", "published", "hyper"),
    [
        ("adam", optax.adam(0.1, b1=0.5, b2=0.5 ** (1 / 69)), {"beta1_halflife": 1}),
        ("adagrad", optax.adagrad(0.1, 0.0, 1e-8), {}),
        ("adadelta", optax.adadelta(1.0, rho=0.5, eps=1e-8), {"rms_halflife": 1}),
        ("sgd", optax.sgd(0.1, 0.9), {"momentum": 0.9}),
        ("adam", optax.adam(0.1, b1=0.8, b2=0.95), {"beta1": 0.8, "beta2": 0.95}),
        (
            "adam",
            optax.adam(0.1, b1=0.8, b2=0.5),
            {"beta1": 0.8, "beta2_halflife": 1},
        ),
    ],
)
def test_same_as_optax(algo, published, hyper, x64):
    start = {"x": jnp.array([-1.0, 2.0]), "y": jnp.array(0.5)}
    ours = list(descend(algo, rosenbrock, start, 12, learning_rate=0.1, **hyper))
    theirs = list(descend(published, rosenbrock, start, 12))
    for mine, other in zip(ours, theirs, strict=True):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-6), mine, other)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adamw_is_that_of_optax_with_a_mask(decay, x64):
    rng = np.random.default_rng(1)
    start = {
        "w": jnp.asarray(rng.normal(size=(3, 4))),
        "filters": jnp.asarray(rng.normal(size=(2, 2, 3, 4))),
        "b": jnp.asarray(rng.normal(size=4)),
        "temperature": jnp.array(2.0),
    }
    published = optax.adamw(
        0.1, b1=0.8, b2=0.95, eps=1e-8, weight_decay=decay,
        mask=lambda params: jax.tree.map(lambda p: p.ndim > 1, params),
    )  # fmt: skip

    def loss(params):
        return sum(jnp.sum(jnp.cos(p) + p**2 / 2) for p in jax.tree.leaves(params))

    hyper = {"learning_rate": 0.1, "beta1": 0.8, "beta2": 0.95, "weight_decay": decay}
    ours = descend("adamw", loss, start, 15, **hyper)
    theirs = descend(published, loss, start, 15)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine["w"].dtype == "float64"
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-12), mine, other)


def rosenbrock(params):
    x, y = params["x"], params["y"]
    return jnp.sum((1 - x) ** 2) + jnp.sum((y - x**2) ** 2)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("algo", [a for a in ALGORITHMS if a != "lbfgs"])
def test_any_pytree_in_any_precision(algo, momentum, dtype, x64):
    params = {"a": jnp.full((2, 3), 2, dtype), "b": (jnp.array(-1, dtype), [])}

    def loss(params):
        a, (b, _) = params["a"], params["b"]
        return jnp.sum(a * a) + (b - 1) ** 2

    hyper = {"learning_rate": 0.01, "momentum": momentum}
    optimizer = resolve(algo, hyper)
    state = optimizer.init(params)
    before = loss(params)
    moved = params
    for count in range(20):
        grads = jax.grad(loss)(moved)
        moved, state = optimizer.update(
            grads, state, moved, optimizer.values, count=count, curvature=grads
        )
    old, new = optimizer.init(params), state
    assert jax.tree.structure(old) == jax.tree.structure(new)
    assert jax.tree.structure(moved) == jax.tree.structure(params)
    for a, b in zip(jax.tree.leaves((params, old)), jax.tree.leaves((moved, new)),
                    strict=True):  # fmt: skip
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
    # The first steps of adadelta are too small to move a number in bfloat16.
    assert loss(moved) < before or (algo, dtype) == ("adadelta", "bfloat16")


@pytest.mark.parametrize("algo", [a for a in ALGORITHMS if a != "lbfgs"])
def test_other_numbers_compile_nothing(algo):
    keywords = {
        "learning_rate": 0.01, "momentum": 0.5, "max_gradient_norm": 1.0,
        **ALGORITHMS[algo].defaults(),
    }  # fmt: skip
    one = resolve(algo, dict(keywords))
    # Far enough from the bounds of every keyword to stay within them.
    two = resolve(algo, {name: value * 0.999 for name, value in keywords.items()}
                  | {"rprop_increase": 1.5, "nesterov": one.nesterov})  # fmt: skip
    assert one.key == two.key
    assert one.values != two.values
    params = {"w": jnp.ones(3)}
    compiled = jax.jit(
        lambda grads, state, params, values: one.update(
            grads, state, params, values, count=0, curvature=grads
        )
    )
    results = [
        compiled(params, optimizer.init(params), params, optimizer.values)
        for optimizer in (one, two)
    ]
    assert compiled._cache_size() == 1
    if algo != "adadelta":
        assert (results[0][0]["w"] != results[1][0]["w"]).all()


def test_key_tells_programs_apart():
    def schedule(count):
        return 0.1

    hypers = [
        {}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True},
        {"max_gradient_norm": 1}, {"max_gradient_elem": 1}, {"learning_rate": schedule},
    ]  # fmt: skip
    keys = {resolve("sgd", hyper).key for hyper in hypers}
    assert len(keys | {resolve("adam", {}).key}) == 7
    assert resolve("sgd", {"nesterov": True}).key == resolve("sgd", {}).key
    adam = optax.adam(0.1)
    assert resolve(adam, {}).key == resolve(adam, {}).key
    assert resolve(adam, {}).key != resolve(optax.adam(0.1), {}).key


def test_plain_descent_keeps_no_state():
    params = {"w": jnp.ones(3)}
    assert resolve("sgd", {}).init(params) == {}
    assert list(resolve("nag", {}).init(params)) == ["velocity"]


def test_a_schedule_gives_the_rate_by_the_count():
    def loss(params):
        return jnp.sum(params)

    schedule = optax.piecewise_constant_schedule(1.0, {2: 0.5})
    path = descend("sgd", loss, jnp.zeros(1), 4, learning_rate=schedule)
    assert [float(p[0]) for p in path] == [-1, -2, -2.5, -3]
    momentum = {"learning_rate": 1.0, "momentum": 0.5}
    assert resolve("sgd", {**momentum, "learning_rate": schedule}).values == {
        "momentum": 0.5
    }


def test_rprop_begins_with_the_rate_given_to_the_update():
    optimizer = resolve("rprop", {"learning_rate": 1.0})
    params = jnp.zeros(2)
    values = optimizer.values | {"learning_rate": 0.25}
    moved, _ = optimizer.update(
        jnp.array([3.0, -0.1]), optimizer.init(params), params, values, count=7
    )
    assert moved.tolist() == [-0.25, 0.25]


def test_rmsprop_survives_steady_gradients():
    steps = descend("rmsprop", lambda p: 0.1 * jnp.sum(p), jnp.zeros(3), 600)
    assert np.isfinite(list(steps)).all()


def test_limits_of_gradients():
    grads = {"a": jnp.array([3.0, 4.0]), "b": jnp.array([0.3, 0.4]), "c": jnp.zeros(2)}

    def moved(algo=None, **limits):
        optimizer = resolve(algo or "sgd", {**limits} | ({} if algo else RATE))
        zeros = jax.tree.map(jnp.zeros_like, grads)
        after, _ = optimizer.update(
            grads, optimizer.init(zeros), zeros, optimizer.values, count=0
        )
        return {name: -value for name, value in after.items()}

    for algo in (None, optax.sgd(1.0)):
        by_norm = moved(algo, max_gradient_norm=1)
        np.testing.assert_allclose(by_norm["a"], [0.6, 0.8], rtol=1e-6)
        np.testing.assert_allclose(by_norm["b"], [0.3, 0.4], rtol=1e-6)
        assert not by_norm["c"].any()
        by_elem = moved(algo, max_gradient_elem=0.35, max_gradient_norm=0.1)
        np.testing.assert_allclose(by_elem["a"], [0.35, 0.35], rtol=1e-6)
        np.testing.assert_allclose(by_elem["b"], [0.3, 0.35], rtol=1e-6)
        free = moved(algo, max_gradient_norm=0, max_gradient_elem=None)
        np.testing.assert_array_equal(free["a"], [3, 4])
    assert not resolve("sgd", {"max_gradient_norm": 1}).elementwise
    assert resolve("sgd", {"max_gradient_elem": 1}).elementwise


RATE = {"learning_rate": 1.0}


def test_curvature_is_that_of_each_parameter_alone(x64):
    def loss(params):
        return jnp.sum(jnp.sin(params["a"] @ params["b"])) + jnp.sum(params["b"] ** 3)

    rng = np.random.default_rng(0)
    params, v = (
        {
            "a": jnp.asarray(rng.normal(size=(2, 3))),
            "b": jnp.asarray(rng.normal(size=3)),
        }
        for _ in range(2)
    )
    got = hessian_vector(loss, params, v)
    a, b, bend = params["a"], params["b"], -np.sin(params["a"] @ params["b"])
    np.testing.assert_allclose(got["a"], np.outer(bend * (v["a"] @ b), b))
    np.testing.assert_allclose(got["b"], a.T @ (bend * (a @ v["b"])) + 6 * b * v["b"])


def test_what_each_algorithm_needs():
    made = {name: resolve(name, {}) for name in ALGORITHMS if is_ours(ALGORITHMS[name])}
    assert {n for n, o in made.items() if o.full_batch} == {"rprop", "lbfgs"}
    assert {n for n, o in made.items() if o.needs_curvature} == {"esgd"}
    assert {n for n, o in made.items() if not o.elementwise} == {"lbfgs"}
    assert made["nag"].values == {"learning_rate": 0.01, "momentum": 0.9}
    assert made["nag"].nesterov
    betas = [made["adam"].values[b] for b in ("b1", "b2")]
    np.testing.assert_allclose(betas, [0.906, 0.990], atol=5e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_line_search_needs_few_steps(dtype, x64):
    start = {"x": jnp.array([-1.0, 2.0], dtype), "y": jnp.array(0.5, dtype)}
    *_, end = descend("lbfgs", rosenbrock, start, 25)
    assert end["x"].dtype == dtype
    assert rosenbrock(end) < 0.2 * rosenbrock(start)


def test_keywords_of_other_algorithms_stay():
    every = {
        "rprop_increase": 1.2, "rms_halflife": 3, "batch_size": 1, "beta1_halflife": 2,
        "nesterov": True, "momentum": 0.9, "learning_rate": 0.1,
        "max_gradient_norm": 1,
    }  # fmt: skip
    left = {
        "sgd": {"rprop_increase", "rms_halflife", "beta1_halflife"},
        "rprop": {"rms_halflife", "beta1_halflife"},
        "lbfgs": set(every) - {"batch_size"},
    }
    for algo, names in left.items():
        hyper = dict(every)
        resolve(algo, hyper)
        assert set(hyper) == names | {"batch_size"}
    hyper = dict(every)
    resolve(optax.sgd(0.1), hyper)
    assert set(hyper) == set(every) - {"max_gradient_norm"}


@pytest.mark.parametrize(
    ("algo", "hyper", "message"),
    [
        ("adm", {}, "unknown algo 'adm'.*Did you mean \"adam\""),
        (3, {}, "algo is 3"),
        ("sgd", {"learning_rate": -1}, "learning_rate is -1; it has to be"),
        ("sgd", {"learning_rate": float("nan")}, "learning_rate is nan"),
        ("sgd", {"learning_rate": "fast"}, "learning_rate is 'fast'"),
        ("sgd", {"momentum": 1}, "momentum is 1; it has to be at least 0 and below 1"),
        ("adam", {"momentum": -0.1}, "momentum is -0.1"),
        ("sgd", {"max_gradient_norm": -1}, "max_gradient_norm is -1"),
        ("rmsprop", {"rms_halflife": 0}, "rms_halflife is 0"),
        ("adam", {"rms_regularizer": 0}, "rms_regularizer is 0"),
        ("rprop", {"rprop_increase": 0.9}, "rprop_increase is 0.9"),
        ("rprop", {"rprop_decrease": 1.5}, "rprop_decrease is 1.5"),
        ("rprop", {"rprop_min_step": 2, "rprop_max_step": 1}, "at most rprop_max_step"),
        ("adam", {"beta1": 1}, "beta1 is 1; .* a number of at least 0 and below 1"),
        (
            "adam",
            {"beta2": 0.99, "beta2_halflife": 69},
            "beta2_halflife is 69 and beta2 is 0.99: they are two ways .* one of them",
        ),
        ("adamw", {"weight_decay": -1}, "weight_decay is -1"),
    ],
)
def test_errors_say_what_to_do(algo, hyper, message):
    with pytest.raises(ConfigurationError, match=message):
        resolve(algo, hyper)


def test_theanets_begins_without_optax():
    code = f"import sys; sys.path[:] = {sys.path}; import theanets.optimizers"
    code += "; sys.exit('optax' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("algo", [*ALGORITHMS, optax.sgd(0.1)])
def test_keywords_are_those_that_are_taken(algo):
    names = {name for each in ALGORITHMS for name in keywords(each)}
    hyper = dict.fromkeys(names, 0.5) | {"rprop_increase": 2, "rprop_max_step": 2}
    hyper["nesterov"] = True
    # Each is another way to say what a half-life says.
    for name in ("beta1", "beta2"):
        alone = dict(hyper)
        del alone[name + "_halflife"], hyper[name]
        other = "beta2" if name == "beta1" else "beta1"
        alone.pop(other, None)
        resolve(algo, alone)
        assert (name in alone) == (name not in keywords(algo))
    names -= {"beta1", "beta2"}
    resolve(algo, hyper)
    assert names - set(hyper) == set(keywords(algo)) - {"beta1", "beta2"}
    assert keywords("no such algo") == []
