"""What one algorithm is to do for a model: all keywords of `train`, checked."""

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
from theanets.graph.topology import Topology
from theanets.graph.weighting import class_weights, mean_weights
from theanets.initializers import stream
from theanets.models import stages as pretraining
from theanets.models.parts import InputsAlone, Part, part_of
from theanets.models.saving import Snapshots, describe
from theanets.models.stages import Stage
from theanets.models.state import ModelState
from theanets.optimizers import Updater
from theanets.training.checkpoint import KEYWORDS, Checkpoint
from theanets.training.keywords import refuse
from theanets.training.options import Controls, keywords, own_keywords
from theanets.utils.checks import check_bool, is_whole, shown
from theanets.utils.registry import join_names, suggest
from theanets.utils.renamed import answer


def keywords_of(algo: Any, hyper: Mapping[str, Any]) -> list[str]:
    """Return the keywords of an algorithm, not those that every training takes."""
    if isinstance(algo, str) and algo in pretraining.STAGED:
        return [*own_keywords(hyper.get("subalgo", "rmsprop")), "subalgo"]
    return own_keywords(algo)


@dataclass
class Plan:
    """What one algorithm is to do, all of its keywords checked."""

    algo: Any
    checkpoint: Checkpoint | None
    controls: Controls
    optimizer: Updater | None
    whole: Objective
    parts: list[Part]

    @classmethod
    def make(
        cls, model: ModelState, train: Any, algo: Any, hyper: Mapping[str, Any]
    ) -> "Plan":
        """Check keywords, and return what they ask for; the data are not read yet."""
        given, algo = dict(hyper), pretraining.full_name(algo)
        # What an algorithm takes goes to no regularizer of that name.
        names = [x for x in keywords_of(algo, given) if x in given]
        own = {name: given.pop(name) for name in names}
        snapshots = Snapshots.take(given)
        if snapshots.file is not None:
            # A model that no file can hold is refused before it is trained.
            describe(model)
        checkpoint = Checkpoint.take(given)
        monitors = make_monitors(given.pop("monitors", None), model.topology)
        terms = regularizers.take(given)
        controls = Controls.take(given)
        last = () if snapshots.file is None else (snapshots,)
        callbacks = (reporter(controls.progress), *controls.callbacks, *last)
        controls = replace(controls, callbacks=callbacks)
        class_weight = given.pop("class_weight", None)
        freeze = given.pop("freeze", None)
        stateful = check_bool(given.pop("stateful", False), "stateful")
        optimizer = _optimizer(algo, given | own)
        whole = model.objective(terms, monitors)
        if class_weight is not None:
            weights = class_weights(class_weight, whole, train)
            whole = replace(whole, class_weights=weights)
        whole = replace(whole, mean_weights=mean_weights(whole, train))
        if freeze is not None:
            whole = replace(whole, topology=freezing(whole.topology, freeze))
        _check_learns(whole.topology)
        whole = replace(whole, stateful=stateful)
        rows = _rows(train, controls.batch_size) if stateful else None
        parts = _parts(model, whole, algo, rows)
        for part in parts:
            _check_monitor(controls, part.objective)
        return cls(algo, checkpoint, controls, optimizer, whole, parts)


def _optimizer(algo: Any, given: dict[str, Any]) -> Updater | None:
    """Return the optimizer that keywords ask for, None for an algorithm without.

    Raises
    ------
    ConfigurationError
        If there is none, or keywords are left over.
    """
    named = isinstance(algo, str)
    staged = named and algo in pretraining.STAGED
    optimizer = None
    if staged:
        algo = given.pop("subalgo", "rmsprop")
        optimizer = optimizers.resolve(algo, given, "subalgo")
    elif "subalgo" in given:
        raise ConfigurationError(
            f"subalgo is {shown(given['subalgo'])}, but algo {shown(algo)} has no "
            "stages to train with it. It belongs to algo "
            f"{join_names(pretraining.STAGED)}."
        )
    elif not named or algo != "sample":
        optimizer = optimizers.resolve(algo, given, others=pretraining.NAMES)
    if given:
        others = ["class_weight", "freeze", "monitors", "save_progress", "save_every"]
        others += ["stateful", *KEYWORDS]
        own = optimizers.keywords(algo) + ["subalgo"] * staged
        terms = regularizers.keywords(documented=True)
        known = [*keywords(), *terms, *own, *others, "axis"]
        refuse(given, known)
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


def _check_learns(topology: Topology) -> None:
    if topology.frozen and not topology.learned:
        raise ConfigurationError(
            "all parameters of the model are frozen, so there is nothing to train: "
            f"{join_names(topology.frozen & topology.learnable)}. Freeze fewer, or "
            "free "
            "some with net.unfreeze."
        )


def _rows(train: Any, batch_size: Any) -> int:
    """Return how many sequences each batch holds, which states have to know."""
    sizes = [batch_size]
    if isinstance(train, Dataset):
        sizes.insert(0, train.batch_size)
        train = train.inputs
    known = [size for size in sizes if is_whole(size, 1)]
    own = getattr(train, "batch_size", None)
    if is_whole(own, 1):
        if known and known[0] != own:
            raise ConfigurationError(
                f"batch_size is {known[0]}, but each batch of the data has {own} "
                "sequences. Leave it out."
            )
        return int(own)
    if not known:
        raise ConfigurationError(
            "with stateful=True each batch goes on where the one before it ended: give "
            "theanets.recurrent.batches(..., stateful=True), or batches of your own "
            "and by batch_size how many sequences each of them has."
        )
    return int(known[0])


def _parts(
    model: ModelState, whole: Objective, algo: Any, rows: int | None
) -> list[Part]:
    """Return what is trained one after the other; mostly the network as it is.

    ``rows`` are the sequences in a batch, where states are carried on.
    """
    name = pretraining.NAMES.get(algo, "") if isinstance(algo, str) else ""
    if name == "sample" and rows:
        raise ConfigurationError(
            "stateful is True, but algo 'sample' draws weights without going through "
            "the data in their order. Leave it out."
        )
    if name in ("", "sample"):
        return [_part(model, whole, Stage(name, whole.topology), {}, rows)]
    # Stages share the layers that they share, and those begin once.
    drawn: dict[int, dict[str, Any]] = {}
    stages = pretraining.stages(algo, whole.topology)
    for stage in stages:
        seed = int(stream(model.seed, stage.name).integers(2**31))
        drawn.setdefault(id(stage.fresh), model.first_values(stage.fresh, seed))
    return [
        _part(model, whole, stage, drawn[id(stage.fresh)], rows) for stage in stages
    ]


def _part(
    model: ModelState,
    whole: Objective,
    stage: Stage,
    own: dict[str, Any],
    rows: int | None,
) -> Part:
    """Return a stage of training as something to minimize."""
    objective = part_of(whole, stage, map(model.completed, model.losses))
    expect = Expectations(objective)
    if stage.reconstructs:
        expect = InputsAlone(whole)
    states = rows and States(stage.topology, objective.dtype, rows)
    return Part(stage, objective, expect, model.arrays, own, states or None)
