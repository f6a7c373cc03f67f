"""A class that is defined anywhere is checked here, with no row added by hand."""

import os
import subprocess
import sys

import jax.numpy as jnp
import pytest

import theanets
from theanets import activations, losses
from theanets.optimizers import ALGORITHMS, resolve
from theanets.regularizers import REGULARIZERS

from .collection import graphs, parts


def test_a_class_is_collected_once_it_is_defined():
    class Halved(theanets.Layer):
        example_inputs = ((None, 4),)
        example = {"depth": 2}  # noqa: RUF012
        takes_activation = False

        def __init__(self, *, depth=1, **kwargs):
            super().__init__(**kwargs)
            self.depth = depth

        def transform(self, params, inputs):
            return inputs[self.input_name] / 2**self.depth

    class Cubic(theanets.Activation):
        def transform(self, params, x):
            return x**3

    class Quartic(theanets.Loss):
        aliases = ("x4",)

        def terms(self, outputs, target):
            return (outputs[self.output_name] - target) ** 4

    class Spread(theanets.Regularizer):
        def penalty(self, evaluation):
            return jnp.var(evaluation.params["hid1.w"])

    class Straight(theanets.Optimizer):
        def step(self, gradient, state, param, hyperparams):
            return hyperparams["learning_rate"] * gradient

    assert graphs(skip=None)["halved"] == [(None, 4), {"form": "halved", "depth": 2}]
    assert parts(activations.REGISTRY, skip=None)["cubic"] is Cubic
    assert parts(losses.REGISTRY, skip=None)["x4"] is Quartic
    assert parts(REGULARIZERS, skip=None)["spread"] is Spread
    assert parts(ALGORITHMS, skip=None)["straight"] is Straight
    for given, says in (
        ("strait", r"Known: .*, straight.* Did you mean \"straight\""),
        (Straight, 'Give its name: algo="straight"'),
        (Straight(), 'Give its name: algo="straight"'),
    ):
        with pytest.raises(theanets.ConfigurationError, match=says):
            resolve(given, {})
    # What a test defines is there for that test alone.
    assert "halved" not in graphs()
    assert "straight" not in parts(ALGORITHMS)


@pytest.mark.parametrize("said", [{"abstract": True}, {"register": False}])
def test_a_class_that_is_only_a_base_is_not_collected(said):
    for base, registry in (
        (theanets.Layer, theanets.layers.FORMS),
        (theanets.Activation, activations.REGISTRY),
        (theanets.Loss, losses.REGISTRY),
        (theanets.Regularizer, REGULARIZERS),
        (theanets.Optimizer, ALGORITHMS),
    ):
        cls = type("OnlyABase", (base,), {}, **said)
        assert "onlyabase" not in registry
        below = {"transform": 1, "terms": 1, "penalty": 1, "step": 1}
        with pytest.raises(theanets.ConfigurationError, match=r"is already .* of thea"):
            # The names of our own stay ours.
            type(next(iter(parts(registry).values())).__name__, (cls,), below)


def test_the_contract_tests_run_on_a_file_of_the_user_s_own(tmp_path, request):
    (tmp_path / "signs.py").write_text(
        "import jax.numpy as jnp, theanets\n"
        "class Signs(theanets.Optimizer):\n"
        "    def step(self, gradient, state, param, hyperparams):\n"
        '        return hyperparams["learning_rate"] * jnp.sign(gradient)\n'
    )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    command = [sys.executable, "-m", "pytest", "-p", "signs", "-p", "no:cacheprovider"]
    command += ["--collect-only", "-q", "-k", "signs", "tests/contract"]
    command += ["-c", str(request.config.inipath)]
    found = subprocess.run(
        command,
        cwd=request.config.rootpath,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "test_optimizers.py::test_it_trains_again_without_compiling[signs]" in (
        found.stdout
    ), found.stdout + found.stderr
