"""What runs of a use case came to: rows, metrics, versions, scores, and what stayed as it was.

Read from the event store and from what assets reported; no table is read and nothing is started.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from mlops_dagster.assets.keys import asset_key, model_key, predictions_ref
from mlops_dagster.assets.model_metadata import METRICS
from mlops_dagster.automation.figures import Figure, figures_of
from mlops_dagster.data.batches import newest_batch
from mlops_dagster.registry.champion import current_champion
from mlops_dagster.registry.ledger import Attempt, read_ledger
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster.spec.workspace import ResolvedModel, ResolvedUseCase, Workspace
from mlops_dagster.state.fence import SlicePublished, published_slices
from mlops_dagster.state.store import EventStore

Slices = Mapping[tuple[TableRef, str, str | None], SlicePublished]


@dataclass(frozen=True)
class RuleCount:
    """A rule or built-in rule that some rows fail, whether or not its check passes with so many."""

    name: str
    failed_rows: int
    passed: bool


@dataclass(frozen=True)
class TableOutcome:
    """A table's newest batch of a window; `changed` is false when its rows are those of before."""

    name: str
    rows: int
    quarantined: int
    dropped: int
    changed: bool
    rules: tuple[RuleCount, ...]


@dataclass(frozen=True)
class GateOutcomeShown:
    """A gate as its check reported it."""

    gate: str
    outcome: str
    explanation: str


@dataclass(frozen=True)
class ModelOutcome:
    """A model after the runs.

    Attributes:
        name: The model's name.
        family: What kind of estimator it is.
        state: What became of the training of the window; None when nothing was trained for it.
        version: Its version, once registered.
        new: The training gave a bundle that was not there before.
        figures: Metrics on the hold-out with their intervals.
        holdout_rows: Rows that they were measured on.
        gates: Gates in the order of the YAML.
        champion: The version in charge of the windows to come.
        scored: Rows scored for the window; None when none were.
        scored_by: The version that scored them.
        scores_changed: Whether the scores are other than before.
    """

    name: str
    family: str
    state: str | None
    version: str | None
    new: bool
    figures: tuple[Figure, ...]
    holdout_rows: int | None
    gates: tuple[GateOutcomeShown, ...]
    champion: str | None
    scored: int | None
    scored_by: str | None
    scores_changed: bool

    def figure(self, name: str) -> Figure | None:
        """Return a metric by name, or None when it was not measured."""
        return next((figure for figure in self.figures if figure.name == name), None)


@dataclass(frozen=True)
class Outcome:
    """What runs of a use case for one window (`static` without windows) came to."""

    use_case: str
    window: str
    tables: tuple[TableOutcome, ...]
    models: tuple[ModelOutcome, ...]

    @property
    def changed(self) -> bool:
        """Whether anything is other than before the runs."""
        models = any(model.new or model.scores_changed for model in self.models)
        return models or any(table.changed for table in self.tables)


@dataclass(frozen=True)
class Before:
    """What was there before the runs: published slices, and bundles by model."""

    slices: Slices
    bundles: Mapping[str, frozenset[str]]


def state_before(store: EventStore, workspace: Workspace, use_case: ResolvedUseCase) -> Before:
    """Return what is published and trained now, to be compared with later."""
    refs = [*workspace.shared_tables, *use_case.tables]
    refs += [predictions_ref(model) for model in use_case.models.values()]
    return Before(
        slices=_slices(store, refs),
        bundles={
            model.stream: frozenset(
                attempt.bundle_digest for attempt in read_ledger(store, model.stream).trainings
            )
            for model in use_case.models.values()
        },
    )


def outcome_of(
    instance: dg.DagsterInstance,
    store: EventStore,
    use_case: ResolvedUseCase,
    *,
    window: str,
    run_ids: Sequence[str],
    before: Before,
) -> Outcome:
    """Return what runs came to.

    Args:
        instance: Where they ran.
        store: The event store.
        use_case: Whose runs they were.
        window: The window; `static` for a use case without windows.
        run_ids: The runs, oldest first.
        before: What was there before them.
    """
    checks = _checks(instance, run_ids)
    tables = []
    for ref, table in use_case.tables.items():
        part = window if table.windowed else STATIC
        told = checks.get(asset_key(ref), ())
        batch = newest_batch(store, ref, part)
        # Runs that did not build the table say nothing about it.
        if not told or batch is None:
            continue
        tables.append(
            TableOutcome(
                name=f"{ref.layer}.{ref.name}",
                rows=batch.valid,
                quarantined=batch.quarantined,
                dropped=batch.dropped,
                changed=_changed(store, before, ref, part),
                rules=tuple(_counts(told)),
            )
        )
    models = tuple(
        _model_outcome(
            instance, store, use_case, model, window=window, checks=checks, before=before
        )
        for model in use_case.models.values()
    )
    return Outcome(use_case.name, window, tuple(tables), models)


_Checks = Mapping[dg.AssetKey, tuple[dg.AssetCheckEvaluation, ...]]


def _model_outcome(
    instance: dg.DagsterInstance,
    store: EventStore,
    use_case: ResolvedUseCase,
    model: ResolvedModel,
    *,
    window: str,
    checks: _Checks,
    before: Before,
) -> ModelOutcome:
    ledger = read_ledger(store, model.stream)
    key = model_key(model)
    attempt = ledger.latest(window) if key in checks or not model.gates else None
    metadata = _metadata(instance, key, window) if attempt is not None else {}
    rows = metadata.get("holdout_rows")
    champion = current_champion(ledger, use_case.calendar)
    scored = _scored(store, model, window)
    return ModelOutcome(
        name=model.name,
        family=model.spec.train.estimator.family,
        state=None if attempt is None else _state(attempt),
        version=None if attempt is None else attempt.version,
        new=attempt is not None and attempt.bundle_digest not in before.bundles[model.stream],
        figures=figures_of(metadata.get(METRICS)),
        holdout_rows=rows.value if isinstance(rows, dg.IntMetadataValue) else None,
        gates=tuple(_gate(told) for told in checks.get(key, ())),
        champion=None if champion is None else champion.version,
        scored=None if scored is None else scored[1].rows,
        scored_by=None if scored is None else scored[0],
        scores_changed=scored is not None and _other(before, model, window, scored),
    )


def _state(attempt: Attempt) -> str:
    if attempt.evaluated is not None and attempt.evaluated.outcome == "inconclusive":
        return "inconclusive against the champion, which stays"
    return attempt.state.value


def _scored(
    store: EventStore, model: ResolvedModel, window: str
) -> tuple[str | None, SlicePublished] | None:
    """Return the version that scored the window last, and its slice."""
    ref = predictions_ref(model)
    found = {part: slot for (w, part), slot in published_slices(store, ref).items() if w == window}
    if not found:
        return None
    return max(found.items(), key=lambda item: item[1].delta_version)


def _other(
    before: Before, model: ResolvedModel, window: str, scored: tuple[str | None, SlicePublished]
) -> bool:
    version, publication = scored
    known = before.slices.get((predictions_ref(model), window, version))
    return known is None or known.digest != publication.digest


def _changed(store: EventStore, before: Before, ref: TableRef, window: str) -> bool:
    now = published_slices(store, ref).get((window, None))
    known = before.slices.get((ref, window, None))
    return (known is None) != (now is None) or (
        known is not None and now is not None and known.digest != now.digest
    )


def _slices(store: EventStore, refs: Iterable[TableRef]) -> Slices:
    return {
        (ref, window, part): publication
        for ref in refs
        for (window, part), publication in published_slices(store, ref).items()
    }


def _checks(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> _Checks:
    """Return what checks reported in runs, by asset, in their order; the last word counts."""
    found: dict[dg.AssetKey, dict[str, dg.AssetCheckEvaluation]] = {}
    for run_id in run_ids:
        for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
            event = entry.dagster_event
            told = None if event is None else event.asset_check_evaluation_data
            if told is not None:
                found.setdefault(told.asset_key, {})[told.check_name] = told
    return {key: tuple(checks.values()) for key, checks in found.items()}


def _counts(checks: Iterable[dg.AssetCheckEvaluation]) -> Iterable[RuleCount]:
    for told in checks:
        failed = told.metadata.get("failed_rows")
        count = failed.value if isinstance(failed, dg.IntMetadataValue) else 0
        if count or not told.passed:
            yield RuleCount(told.check_name, int(count or 0), told.passed)


def _gate(told: dg.AssetCheckEvaluation) -> GateOutcomeShown:
    texts = {
        name: value.value
        for name, value in told.metadata.items()
        if isinstance(value, dg.TextMetadataValue)
    }
    return GateOutcomeShown(
        gate=texts.get("gate") or told.check_name,
        outcome=texts.get("outcome") or ("pass" if told.passed else "fail"),
        explanation=told.description or "",
    )


def _metadata(
    instance: dg.DagsterInstance, key: dg.AssetKey, window: str
) -> Mapping[str, dg.MetadataValue]:
    """Return what the newest materialization of a window said."""
    wanted = dg.AssetRecordsFilter(
        asset_key=key, asset_partitions=None if window == STATIC else [window]
    )
    for record in instance.fetch_materializations(wanted, limit=1).records:
        if record.asset_materialization is not None:
            return record.asset_materialization.metadata
    return {}
