"""What one algorithm does for a model: all keywords of `train`, checked."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from theanets import optimizers, regularizers
from theanets.data.dataset import Dataset
from theanets.display.progress import reporter
from theanets.errors import ConfigurationError
from theanets.graph.expected import Expectations
from theanets.graph.freezing import freezing
from theanets.graph.monitors import make_monitors
from theanets.graph.objective import Objective
from theanets.graph.states import States
from theanets.graph.weighting import class_weights, mean_weights
from theanets.initializers import as_seed, stream
from theanets.models import stages as pretraining
from theanets.models.parts import InputsAlone, Part, part_of
from theanets.models.saving import Snapshots, describe
from theanets.models.stages import Stage
from theanets.models.state import ModelState
from theanets.optimizers import Updater
from theanets.training.checkpoint import KEYWORDS, Checkpoint
from theanets.training.keywords import refuse
from theanets.training.options import Controls, keywords, own_keywords
from theanets.types import Array, Json
from theanets.utils.checks import check_bool, is_whole, shown
from theanets.utils.registry import join_names, suggest
from theanets.utils.renamed import answer


def keywords_of(algo: object, options: Mapping[str, object]) -> list[str]:
    """Return the keywords of an algorithm, not those that every training takes."""
    if isinstance(algo, str) and algo in pretraining.STAGED:
        return [*own_keywords(options.get("subalgo", "rmsprop")), "subalgo"]
    return own_keywords(algo)


@dataclass
class Plan:
    """What one algorithm does for a model, with all keywords checked."""

    model: ModelState
    algo: object
    controls: Controls
    optimizer: Updater | None
    """None for ``sample``."""
    whole: Objective
    parts: list[Part]
    """What is trained one after the other."""
    seed: int
    begun: int
    """Epochs of earlier trainings, with random streams of their own."""
    checkpoint: Checkpoint | None

    def identity(self) -> dict[str, Json]:
        """Return what two runs have to share, apart from data, to be the same."""
        assert self.optimizer is not None
        whole, algo = self.whole, self.algo
        changing = ("epochs", "frozen", "columns")
        described = describe(self.model)
        # Frozen by the network or only in this training.
        frozen = sorted(whole.topology.frozen)
        return {
            "model": {name: x for name, x in described.items() if name not in changing},
            "algo": algo if isinstance(algo, str) else type(algo).__name__,
            **self.optimizer.identity(self.parts[0].read().learned),
            **self.controls.identity(),
            "rng": self.seed,
            "regularizers": [r.identity() for r in whole.regularizers],
            "class_weight": list(whole.class_weights),
            "monitors": [monitor.name for monitor in whole.monitors],
            **({"frozen": frozen} if frozen else {}),
            **({"stateful": True} if whole.stateful else {}),
        }


def plan(
    model: ModelState, train: object, algo: object, options: Mapping[str, object]
) -> Plan:
    """Check keywords, and return what they ask for; the data are not read yet."""
    left, algo = dict(options), pretraining.full_name(algo)
    # A keyword of the algorithm does not go to a regularizer of the same name.
    names = [x for x in keywords_of(algo, left) if x in left]
    of_algo = {name: left.pop(name) for name in names}
    snapshots = Snapshots.take(left)
    if snapshots.file is not None:
        # A model that no file can hold is refused before it is trained.
        describe(model)
    checkpoint = Checkpoint.take(left)
    monitors = make_monitors(left.pop("monitors", None), model.topology)
    terms = regularizers.take(left)
    controls = Controls.take(left)
    last = () if snapshots.file is None else (snapshots,)
    callbacks = (reporter(controls.progress), *controls.callbacks, *last)
    controls = replace(controls, callbacks=callbacks)
    class_weight = left.pop("class_weight", None)
    freeze = left.pop("freeze", None)
    stateful = check_bool(left.pop("stateful", False), "stateful")
    optimizer = _optimizer(algo, left | of_algo)
    whole = replace(model.objective(terms, monitors), stateful=stateful)
    if class_weight is not None:
        whole = replace(whole, class_weights=class_weights(class_weight, whole, train))
    whole = replace(whole, mean_weights=mean_weights(whole, train))
    if freeze is not None:
        whole = replace(whole, topology=freezing(whole.topology, freeze))
    frozen = whole.topology.frozen
    if frozen and not whole.topology.learned:
        raise ConfigurationError(
            "all parameters of the model are frozen, so there is nothing to train: "
            f"{join_names(frozen & whole.topology.learnable)}. Freeze fewer, or free "
            "some with net.unfreeze."
        )
    parts = _parts(model, whole, algo, _rows(train, controls) if stateful else None)
    for part in parts:
        _check_monitor(controls, part.objective)
    seed, begun = model.seed, 0
    if controls.rng is not None:
        seed, begun = as_seed(controls.rng, "rng"), model.history.epochs
    made = Plan(model, algo, controls, optimizer, whole, parts, seed, begun, checkpoint)
    if checkpoint is not None:
        if optimizer is None:
            raise ConfigurationError(
                f"algo {shown(algo)} draws weights in one step, which leaves nothing "
                "to go on with: it takes no checkpoint. Save the network instead."
            )
        checkpoint.run = made.identity()
    return made


def _optimizer(algo: object, left: dict[str, Any]) -> Updater | None:
    """Return the optimizer for the keywords that are left, None for ``sample``."""
    staged = isinstance(algo, str) and algo in pretraining.STAGED
    optimizer = None
    if staged:
        algo = left.pop("subalgo", "rmsprop")
        optimizer = optimizers.resolve(algo, left, "subalgo")
    elif "subalgo" in left:
        raise ConfigurationError(
            f"subalgo is {shown(left['subalgo'])}, but algo {shown(algo)} has no "
            "stages to train with it. It belongs to algo "
            f"{join_names(pretraining.STAGED)}."
        )
    elif not (isinstance(algo, str) and algo == "sample"):
        optimizer = optimizers.resolve(algo, left, others=pretraining.NAMES)
    if left:
        others = ["class_weight", "freeze", "monitors", "save_progress", "save_every"]
        others += ["stateful", *KEYWORDS]
        of_algo = optimizers.keywords(algo) + ["subalgo"] * staged
        terms = regularizers.keywords(documented=True)
        refuse(left, [*keywords(), *terms, *of_algo, *others, "axis"])
    return optimizer


def _check_monitor(controls: Controls, objective: Objective) -> None:
    name = controls.monitor
    known = ["loss", "err", *(x.name for x in objective.monitors)]
    known += ["acc"] * any(loss.has_accuracy for loss in objective.losses)
    known += ["unweighted"] * bool(objective.class_weights)
    known += ["auc"] * (objective.classifying is not None and not objective.stateful)
    if name not in known:
        raise ConfigurationError(
            f'monitor is "{name}", which this training does not measure. It has: '
            f"{join_names(known)}."
            + (answer("monitor", name, known) or suggest(name, known))
        )
    controls.check_mode()


def _rows(train: object, controls: Controls) -> int:
    """Return how many sequences each batch holds, to size the states."""
    sizes = [controls.batch_size]
    if isinstance(train, Dataset):
        sizes.insert(0, train.batch_size)
        train = train.inputs
    asked = [size for size in sizes if is_whole(size, 1)]
    in_data = getattr(train, "batch_size", None)
    if is_whole(in_data, 1):
        if asked and asked[0] != in_data:
            raise ConfigurationError(
                f"batch_size is {asked[0]}, but each batch of the data has {in_data} "
                "sequences. Leave it out."
            )
        return int(in_data)
    if not asked:
        raise ConfigurationError(
            "with stateful=True each batch goes on where the one before it ended: give "
            "theanets.recurrent.batches(..., stateful=True), or batches of your own "
            "and by batch_size how many sequences each of them has."
        )
    return int(asked[0])


def _parts(
    model: ModelState, whole: Objective, algo: Any, rows: int | None
) -> list[Part]:
    """Return what is trained one after the other; usually the whole network.

    ``rows`` is the number of sequences in a batch, if states are carried on.
    """
    name = pretraining.NAMES.get(algo, "") if isinstance(algo, str) else ""
    if name == "sample" and rows:
        raise ConfigurationError(
            "stateful is True, but algo 'sample' draws weights without going through "
            "the data in their order. Leave it out."
        )
    stages = [Stage(name, whole.topology)]
    if name not in ("", "sample"):
        stages = pretraining.stages(algo, whole.topology)
    parts = []
    # Stages can share fresh layers, whose values are drawn once.
    drawn: dict[int, dict[str, Array]] = {}
    for stage in stages:
        seed = int(stream(model.seed, stage.name).integers(2**31))
        extra = model.first_values(stage.fresh, seed)
        extra = drawn.setdefault(id(stage.fresh), extra)
        objective = part_of(whole, stage, map(model.completed, model.losses))
        expect = InputsAlone(whole) if stage.reconstructs else Expectations(objective)
        states = States(stage.topology, objective.dtype, rows) if rows else None
        parts.append(Part(stage, objective, expect, model, extra, states))
    return parts
