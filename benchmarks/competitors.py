"""Who takes part, in which worker, and the ratio that theanets aims for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Competitor:
    """One row of the tables.

    Attributes
    ----------
    key : str
        Short name, for `--only` and the JSON file.
    title : str
        Name in the tables.
    module : str
        Module of `benchmarks.workers` that runs it.
    how : str
        What the user of that library would write, in a few words.
    option : str
        What the worker is told, where one module serves several rows.
    goal : float or None
        Largest ratio theanets / this one, in time per epoch at batch 32, that the
        project accepts; None: shown without a goal.
    measures : frozenset of str
        Which measurements it takes part in, of 'epoch', 'predict', 'startup' and
        'memory'.
    scalable : bool
        Whether its epoch may be measured on fewer examples and scaled (`--rows`).
    """

    key: str
    title: str
    module: str
    how: str
    option: str = ""
    goal: float | None = None
    measures: frozenset[str] = frozenset({"epoch"})
    scalable: bool = True


EVERYTHING = frozenset({"epoch", "predict", "startup", "memory"})

OURS = "theanets"
FLOOR = "floor"

COMPETITORS = (
    Competitor(
        OURS,
        "theanets",
        "theanets_net",
        "`Classifier.itertrain` on NumPy arrays, one epoch per step; validation off",
        measures=EVERYTHING,
        scalable=False,
    ),
    Competitor(
        "theanets-page",
        "theanets, `load_mnist()`",
        "theanets_net",
        "the same, reading the packaged images by `theanets.datasets.load_mnist`",
        option="page",
        measures=frozenset({"startup"}),
    ),
    Competitor(
        "theanets-again",
        "theanets, a later process",
        "theanets_net",
        "the same, with the compiled programs that an earlier process has kept on the "
        "disk, as is the default; all other rows compile",
        option="again",
        measures=frozenset({"startup"}),
    ),
    Competitor(
        "theanets-uint8",
        "theanets, uint8 images",
        "theanets_net",
        "the same, given the images as uint8",
        option="uint8",
        measures=frozenset({"memory"}),
    ),
    Competitor(
        FLOOR,
        "arithmetic floor (NumPy)",
        "numpy_floor",
        "only the two large matrix products of a batch (784 x 100: forward, weight "
        "gradient) and the momentum update of that matrix, by NumPy's BLAS into "
        "buffers made before",
        goal=1.4,
        scalable=False,
    ),
    Competitor(
        "keras",
        "Keras on JAX, best",
        "keras_jax",
        "`Model.fit` on NumPy arrays or a PyDataset, `steps_per_execution` 10, 50, "
        "200 or the whole epoch",
        option="best",
        goal=0.65,
        measures=frozenset({"epoch", "predict"}),
    ),
    Competitor(
        "keras-1",
        "Keras on JAX, steps_per_execution=1",
        "keras_jax",
        "`Model.fit` on NumPy arrays",
        measures=EVERYTHING,
    ),
    Competitor(
        "pytorch",
        "PyTorch eager",
        "pytorch",
        "tensors in memory, `torch.randperm` batches by `index_select`, "
        "`SGD(nesterov=True, fused=True)`",
        goal=0.35,
        measures=EVERYTHING,
    ),
    Competitor(
        "pytorch-compile",
        "PyTorch torch.compile",
        "pytorch",
        "the same loop; model and loss compiled together by `torch.compile`",
        option="compile",
        measures=frozenset({"epoch", "predict"}),
    ),
    Competitor(
        "sklearn",
        "scikit-learn MLPClassifier",
        "sklearn_mlp",
        "`partial_fit` with solver sgd, Nesterov momentum, no penalty, float32, "
        "checks of the input off",
        goal=0.3,
        measures=frozenset({"epoch", "predict", "memory"}),
    ),
    Competitor(
        "skorch",
        "skorch",
        "skorch_net",
        "`NeuralNetClassifier.partial_fit`, skorch's own DataLoader over tensors, "
        "fused SGD",
        goal=0.2,
        measures=frozenset({"epoch", "memory"}),
    ),
    Competitor(
        "skorch-lean",
        "skorch, hand-written loader",
        "skorch_net",
        "the same with a loader of our own that indexes the tensors directly",
        option="lean",
    ),
    Competitor(
        "lightning",
        "Lightning",
        "lightning_net",
        "`Trainer.fit` with a DataLoader, fused SGD; no logger, no checkpoints, no "
        "progress bar",
        goal=0.2,
        measures=frozenset({"epoch", "memory"}),
    ),
    Competitor(
        "lightning-lean",
        "Lightning, hand-written loader",
        "lightning_net",
        "the same with a loader of our own that indexes the tensors directly and "
        "`barebones=True`",
        option="lean",
    ),
)

TASK_PEERS = (
    Competitor(OURS, "theanets", "tasks_theanets", "`itertrain` on NumPy arrays"),
    Competitor(
        "pytorch",
        "PyTorch eager",
        "tasks_pytorch",
        "tensors in memory, `SGD(nesterov=True, fused=True)`; `nn.LSTM` is the fused "
        "one, the RNN and the GRU are modules that go step by step",
    ),
    Competitor(
        "keras",
        "Keras on JAX, best",
        "tasks_keras",
        "`Model.fit` on NumPy arrays, `steps_per_execution` 1, 10 or all",
    ),
)
"""Who trains the models of `benchmarks.tasks`."""

SAFEGUARDS = (
    Competitor(
        "unchecked",
        "theanets, unchecked",
        "theanets_net",
        '`on_nonfinite="ignore"`',
        option="ignore",
    ),
    Competitor(
        OURS,
        "theanets",
        "theanets_net",
        'the default, `on_nonfinite="raise"`',
        goal=1.02,
    ),
    Competitor(
        "skip",
        "theanets, bad batches left out",
        "theanets_net",
        '`on_nonfinite="skip"`',
        option="skip",
    ),
    Competitor(
        "checkpoint",
        "theanets, a checkpoint each second",
        "theanets_net",
        "the default, `checkpoint=FILE, checkpoint_every=1 / 60`",
        option="checkpoint",
        goal=1.02,
    ),
)
"""theanets with and without what keeps bad numbers and lost work away; the goal is
the largest ratio to the one that `WITHOUT` names."""

WITHOUT = {OURS: "unchecked", "skip": "unchecked", "checkpoint": OURS}

STARTUP_GOAL = 4.0
"""Seconds from process start to the end of the first epoch."""

IMPORT_GOAL = 0.25
"""Seconds that importing theanets may cost over importing JAX."""

PREDICT_GOAL = 200e-6
"""Seconds, median, of predicting one digit."""

MEMORY_GOAL = 400e6
"""Bytes over the process after `import jax`, training on uint8 images."""
