"""The typed keywords of train: equal to what is accepted, and of use to mypy."""

import subprocess
import sys

import theanets
from theanets import optimizers, regularizers
from theanets.layers import (
    Feedforward,
    Layer,
    LayerOptions,
    Recurrent,
    RecurrentOptions,
)
from theanets.regularizers.base import REGULARIZERS
from theanets.training.checkpoint import KEYWORDS
from theanets.training.keywords import SYNONYMS
from theanets.training.options import keywords
from theanets.utils.registry import is_ours, parameters

OTHERS = {
    "axis",
    "class_weight",
    "freeze",
    "monitors",
    "save_every",
    "save_progress",
    "stateful",
    "subalgo",
}

SCRIPT = """
import numpy as np
import theanets

x = np.zeros((8, 4))
net = theanets.Classifier([4, (8, "tanh"), 3], rng=1)
net.train((x, np.arange(8) % 3), 0.1, algo="adam", learning_rate=0.1,
          hidden_dropout=0.5, max_epochs=np.int64(2), weight_l2={"weight": 0.1},
          callbacks=lambda epoch, training, validation: None)
for training, validation in net.itertrain(x, min_improvement=0.1):
    print(training["loss"] + validation["loss"])
settings: theanets.TrainOptions = {"max_epochs": 3, "monitors": {"hid1:out": 0.1}}
theanets.Experiment(net).train(x, **settings)
layers = [theanets.layers.Conv2(size=8, filter_size=3, std_w=0.1, name="conv"),
          theanets.layers.LSTM(size=4, mask="mask", mean_xh=[0.1, 0.2], init="he")]
"""

WRONG = {
    "net.train(x, batchsize=3)": 'did you mean "batch_size"?',
    'net.train(x, max_epochs="many")': 'incompatible type "str"',
    'net.itertrain(x, progress="no")': 'incompatible type "str"',
    'theanets.Classifier([4, 3], los="xe")': 'did you mean "loss"?',
    "theanets.Experiment(net).train(x, batchsize=3)": "Unexpected keyword",
    "theanets.layers.Conv2(size=8, filter_sise=3)": "Unexpected keyword",
    'theanets.layers.LSTM(size="many")': 'incompatible type "str"',
}


def test_they_are_all_that_is_accepted():
    accepted = {*keywords(), *SYNONYMS, *KEYWORDS, *OTHERS}
    # Other tests, and docstrings, may have added some of their own.
    for name in regularizers.keywords():
        if name not in REGULARIZERS or is_ours(REGULARIZERS[name]):
            accepted.add(name)
    for name in optimizers.ALGORITHMS:
        if is_ours(optimizers.ALGORITHMS[name]):
            accepted |= {*optimizers.keywords(name)}
    assert set(theanets.TrainOptions.__annotations__) == accepted


def test_those_of_layers_are_accepted():
    common = {*LayerOptions.__annotations__}
    general = {*parameters(Layer), *Layer.attribute_names}
    assert common >= general
    of_params = {f"{x}_{param}" for x in Layer.attribute_names for param in "wb"}
    assert common - general <= of_params
    attributes = dict.fromkeys(common - {*parameters(Layer)}, 0.5)
    attributes |= {"init": "he", "init_w": "he"}
    assert Feedforward(**attributes).attributes == attributes
    own = {*RecurrentOptions.__annotations__} - common
    assert own >= {*parameters(Recurrent)} - general
    of_params = {
        f"{x}_{param}" for x in Recurrent.attribute_names for param in ("xh", "hh")
    }
    assert own - {*parameters(Recurrent), "radius"} <= of_params


def test_mypy_takes_what_is_right_and_refuses_what_is_not(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("\n".join([SCRIPT, *WRONG]))
    cache = ["--cache-dir", str(tmp_path / "cache")]
    command = [sys.executable, "-m", "mypy", "--strict", *cache, str(script)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    first = SCRIPT.count("\n") + 2
    errors = {
        int(line.split(":")[1]): line
        for line in said.stdout.splitlines()
        if ": error: " in line
    }
    assert sorted(errors) == [first + i for i in range(len(WRONG))], said.stdout
    for (_, expected), (_, line) in zip(WRONG.items(), errors.items(), strict=True):
        assert expected in line
