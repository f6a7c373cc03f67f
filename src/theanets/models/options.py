"""The keywords of ``train``, with their types, for editors and type checkers.

Values are checked where they are used. A test compares the names here with those that
``train`` accepts.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import IO, Any, Literal, TypeAlias, TypedDict

import numpy as np

from theanets.regularizers import Regularizer

Whole: TypeAlias = int | np.integer[Any]
Real: TypeAlias = float | np.floating[Any] | np.integer[Any]
Patterns: TypeAlias = str | Sequence[str]
Penalty: TypeAlias = Real | Mapping[str, object] | Regularizer | None
"""A weight, or a dict with ``weight`` and ``pattern``."""


class TrainOptions(TypedDict, total=False):
    """Every keyword of `Network.train`; the user guide says more about each.

    Examples
    --------
    >>> import theanets
    >>> settings: theanets.TrainOptions = {"max_epochs": 3, "learning_rate": 0.1}
    """

    # How long to train, and on how much at a time.

    batch_size: Whole | None
    """Examples in a minibatch; None or -1 for all at once."""
    train_batches: Whole | None
    """Minibatches in an epoch; by default all."""
    valid_batches: Whole | None
    """Minibatches in a validation; by default all."""
    validate_every: Whole
    """Epochs from one validation to the next."""
    patience: Whole
    """Validations without improvement that are allowed; one more ends the training."""
    min_improvement: Real
    """How much better than the best value a new one has to be, as a fraction of it."""
    monitor: str
    """The validation monitor that decides which parameters are the best: ``"loss"``,
    ``"acc"``, ``"auc"``, or one of your own."""
    mode: Literal["min", "max"] | None
    """Whether less or more of ``monitor`` is better."""
    max_epochs: Whole | None
    """How many epochs to train at most."""
    max_updates: Whole | None
    """How many updates to make at most."""
    rng: Any
    """Seed of shuffling and noise; by default the model's, and each call to train
    continues the random streams of the call before."""
    axis: Whole
    """The axis of the data along which the examples lie; by default the first."""
    stateful: bool
    """Whether recurrent layers go on with their states from batch to batch."""

    # What to report, and to whom.

    callbacks: object
    """What is called while it trains: objects of `theanets.callbacks.Callback`, and
    functions f(epoch, training, validation), called after each epoch; one that returns
    False stops the training."""
    monitors: Mapping[str, object] | Sequence[tuple[str, object]] | None
    """What to measure of outputs and parameters, by pattern."""
    monitor_gradients: bool
    """Whether to report the norm of each parameter's gradient."""
    progress: bool | None
    """False: print nothing."""
    on_nonfinite: Literal["raise", "skip", "ignore"]
    """What happens if a loss or a gradient is not finite: ``"raise"`` ends the training
    with a NonFiniteError, ``"skip"`` drops the batch's update and counts it in the
    monitor ``skipped``, ``"ignore"`` goes on."""
    on_interrupt: Literal["return", "raise"]
    """What Ctrl-C does: ``"return"`` ends the training with the best parameters in
    place, says so in one line, and the script goes on; ``"raise"`` does the same and
    then raises the KeyboardInterrupt. A second one is always raised."""

    # Files on the way.

    checkpoint: str | os.PathLike[str] | None
    """The file from which an interrupted training goes on."""
    checkpoint_every: Real
    """How often to write it: epochs, if an int; minutes, if a float."""
    resume: bool
    """False: start over, whatever the checkpoint holds."""
    save_progress: str | os.PathLike[str] | IO[bytes] | None
    """Where to write snapshots of the model; ``{}`` stands for the time."""
    save_every: Real
    """How often to write them: epochs, if an int; minutes, if a float."""

    # What to learn, and what not.

    class_weight: Literal["balanced"] | Mapping[Any, Real] | Sequence[Real] | None
    """How much the errors of each class count."""
    freeze: Patterns | None
    """What this training leaves as it is, in addition to what is frozen already."""

    # The algorithm.

    subalgo: object
    """The algorithm that trains the stages of ``layerwise`` and ``pretrain``."""
    learning_rate: Real | Callable[[Any], Any]
    """The step size, or a schedule: a function of the number of updates."""
    momentum: Real
    """Which part of the last step goes into the next."""
    nesterov: bool
    """Whether the gradient is taken after the momentum's step."""
    max_gradient_elem: Real | None
    """The largest magnitude of an entry of a gradient; larger ones are cut."""
    max_gradient_clip: Real | None
    """The same as ``max_gradient_elem``."""
    gradient_clip: Real | None
    """The same as ``max_gradient_elem``."""
    max_gradient_norm: Real | None
    """The largest norm of the gradient of a parameter; longer ones are scaled."""
    iteration_size: Whole | None
    """The same as ``train_batches``."""
    rms_halflife: Real
    """Updates after which a gradient counts half: rmsprop, adadelta, esgd."""
    rms_regularizer: Real
    """What is added to keep steps from growing too large: adam and its relatives."""
    beta1: Real
    """The decay of adam's mean of gradients, instead of ``beta1_halflife``."""
    beta2: Real
    """The decay of adam's mean square, instead of ``beta2_halflife``."""
    beta1_halflife: Real
    """Updates after which a gradient counts half in adam's mean."""
    beta2_halflife: Real
    """Updates after which a gradient counts half in adam's mean square."""
    rprop_increase: Real
    """By how much rprop's steps grow."""
    rprop_decrease: Real
    """By how much rprop's steps shrink."""
    rprop_min_step: Real
    """The smallest step of rprop."""
    rprop_max_step: Real
    """The largest step of rprop."""

    # Regularizers.

    weight_l2: Penalty
    """The mean square of each weight array."""
    weightl2: Penalty
    """The same as ``weight_l2``."""
    weight_decay: Penalty
    """The same as ``weight_l2``."""
    weight_l1: Penalty
    """The mean magnitude of each weight array."""
    weightl1: Penalty
    """The same as ``weight_l1``."""
    weight_sparsity: Penalty
    """The same as ``weight_l1``."""
    hidden_l1: Penalty
    """The mean magnitude of the hidden outputs."""
    hiddenl1: Penalty
    """The same as ``hidden_l1``."""
    hidden_sparsity: Penalty
    """The same as ``hidden_l1``."""
    contractive: Penalty
    """The squared norm of the hidden outputs' derivative by the inputs."""
    recurrent_norm: Penalty
    """The squared change of the norms of outputs from step to step."""
    recurrentnorm: Penalty
    """The same as ``recurrent_norm``."""
    recurrent_state: Penalty
    """The squared change of outputs from step to step."""
    recurrentstate: Penalty
    """The same as ``recurrent_state``."""
    noise: Mapping[str, Real] | Regularizer | None
    """Levels of noise for outputs, by pattern."""
    dropout: Mapping[str, Real] | Regularizer | None
    """Levels of dropout for outputs, by pattern."""
    input_noise: Real | Regularizer | None
    """The standard deviation of noise on the inputs."""
    input_dropout: Real | Regularizer | None
    """Which part of the inputs to zero."""
    hidden_noise: Real | Regularizer | None
    """The standard deviation of noise on the hidden outputs."""
    hidden_dropout: Real | Regularizer | None
    """Which part of the hidden outputs to zero."""
    output_noise: Real | Regularizer | None
    """The standard deviation of noise on the output."""
    output_dropout: Real | Regularizer | None
    """Which part of the output to zero."""
    regularizers: Iterable[object] | Mapping[str, object] | Regularizer | None
    """Regularizers, as objects or dicts of a form and keywords."""


class NoOptions(TypedDict):
    """No further keywords: what is misspelled is refused by type checkers too."""
