"""A project on disk with its own Dagster instance, event store and MLflow, run by its real jobs."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from mlops_dagster.automation.instance import prepare_instance
from mlops_dagster.automation.jobs import close_job_name, open_job_name, train_job_name
from mlops_dagster.automation.replay import replay_window, requested_runs
from mlops_dagster.data.batches import BatchCounts, newest_batch
from mlops_dagster.definitions import build_definitions
from mlops_dagster.monitoring.decision import Decision
from mlops_dagster.monitoring.events import MonitorHistory, history
from mlops_dagster.registry.ledger import ModelLedger, read_ledger
from mlops_dagster.registry.tracking import MlflowTracker, open_tracker
from mlops_dagster.resources.workspace import cached_workspace, event_store
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.workspace import ResolvedModel, ResolvedUseCase, Workspace
from mlops_dagster.state.fence import SlicePublished
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.locations import Locations
from mlops_dagster.windows import WindowCalendar

_SLICES = "slice/"


@dataclass(frozen=True)
class Snapshot:
    """What a project has come to; two equal ones saw the same life.

    Attributes:
        digests: Digest of every published slice, by its stream `slice/<table>/<window>[/<part>]`.
        decisions: Every decision event's content, by model stream, in the order of the stream.
        versions: Version and cutoff window of every registered attempt, by model stream.
        bundles: Digest of the bundle of every attempt, by model stream.
        champions: Version that the alias `champion` shows in MLflow, by model stream.
        mlflow_versions: Versions in MLflow, by model stream.
        materialized: Windows that Dagster has of every asset, by its key.
    """

    digests: Mapping[str, str]
    decisions: Mapping[str, tuple[Decision, ...]]
    versions: Mapping[str, tuple[tuple[str, str], ...]]
    bundles: Mapping[str, tuple[str, ...]]
    champions: Mapping[str, str | None]
    mlflow_versions: Mapping[str, tuple[str, ...]]
    materialized: Mapping[str, frozenset[str]]

    def of_window(self, window: str) -> Mapping[str, str]:
        """Return the digests of a window's slices."""
        return {name: digest for name, digest in self.digests.items() if window in name.split("/")}


@dataclass(frozen=True)
class LiveProject:
    """A loaded project, its definitions and the instance that its runs are on."""

    workspace: Workspace
    definitions: dg.Definitions
    instance: dg.DagsterInstance
    use_case: ResolvedUseCase

    @property
    def store(self) -> EventStore:
        """Its event store."""
        return event_store(self.workspace)

    @property
    def locations(self) -> Locations:
        """The places of its tables."""
        return Locations(self.workspace.environment, self.workspace.root)

    @property
    def tracker(self) -> MlflowTracker:
        """Its MLflow."""
        return open_tracker(self.workspace.environment, self.workspace.state_folder)

    @property
    def calendar(self) -> WindowCalendar:
        """The windows of its use case."""
        assert self.use_case.calendar is not None
        return self.use_case.calendar

    def model(self, name: str) -> ResolvedModel:
        """Return a model."""
        return self.use_case.models[name]

    def replay(self, windows: Iterable[str]) -> list[tuple[str, str]]:
        """Open, close and train as the sensor asks; return the jobs and windows in their order."""
        return [
            (step.job, step.window)
            for window in windows
            for step in replay_window(self.definitions, self.instance, self.use_case, window)
        ]

    def open(self, window: str) -> dg.ExecuteInProcessResult:
        """Run the open job of a window."""
        return self.run(open_job_name(self.use_case.name), window)

    def close(self, window: str) -> dg.ExecuteInProcessResult:
        """Run the close job of a window."""
        return self.run(close_job_name(self.use_case.name), window)

    def train(self, model: str, window: str) -> dg.ExecuteInProcessResult:
        """Run a model's train job by hand."""
        return self.run(train_job_name(self.model(model)), window)

    def run(self, job: str, window: str | None) -> dg.ExecuteInProcessResult:
        """Run a job; the result tells whether it succeeded."""
        return self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance, partition_key=window, raise_on_error=False
        )

    def requested(self) -> list[str]:
        """Return the jobs that the retraining sensor would launch now."""
        requests = requested_runs(self.definitions, self.instance, self.use_case)
        return [str(request.job_name) for request in requests]

    def told(self, model: str) -> MonitorHistory:
        """Return a model's valid reports and decisions."""
        return history(self.store, self.model(model).stream)

    def ledger(self, model: str) -> ModelLedger:
        """Return what happened to a model."""
        return read_ledger(self.store, self.model(model).stream)

    def batch(self, table: str, window: str) -> BatchCounts:
        """Return what became of the newest batch of a table named `<layer>.<name>`."""
        found = newest_batch(self.store, self.ref(table), window)
        assert found is not None
        return found

    def ref(self, table: str) -> TableRef:
        """Return the reference of a table of the use case named `<layer>.<name>`."""
        return TableRef.parse(f"{self.use_case.name}.{table}")

    def published(self) -> dict[str, SlicePublished]:
        """Return the valid publication of every slice by its stream."""
        events = self.store.last_of_kind(_SLICES, SlicePublished.kind)
        found = {}
        for name, stored in events.items():
            assert isinstance(stored.event, SlicePublished)
            found[name] = stored.event
        return found

    def snapshot(self) -> Snapshot:
        """Return what the project has come to."""
        models = self.use_case.models.values()
        return Snapshot(
            digests={name: event.digest for name, event in self.published().items()},
            decisions={m.stream: _decisions(self.store, m) for m in models},
            versions={m.stream: _versions(self.ledger(m.name)) for m in models},
            bundles={m.stream: _bundles(self.ledger(m.name)) for m in models},
            champions={m.stream: self.tracker.alias_version(m.stream) for m in models},
            mlflow_versions={m.stream: _mlflow_versions(self.tracker, m.stream) for m in models},
            materialized={
                key.to_user_string(): frozenset(self.instance.get_materialized_partitions(key))
                for key in self.definitions.resolve_all_asset_keys()
            },
        )


@contextmanager
def live_project(root: Path, environment: str = "dev") -> Iterator[LiveProject]:
    """Yield a project ready to run; its Dagster instance lies in its own state folder."""
    workspace = cached_workspace(root, environment)
    home = prepare_instance(workspace)
    (use_case,) = workspace.use_cases.values()
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield LiveProject(workspace, build_definitions(root, environment), instance, use_case)


def step_failure(result: dg.ExecuteInProcessResult) -> str:
    """Return the description of the first step of a run that failed."""
    for event in result.all_events:
        if event.is_step_failure:
            told = event.step_failure_data.user_failure_data
            assert told is not None, event
            return str(told.description)
    raise AssertionError("no step failed")


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    """Return what the asset checks of a run said, by the name of the check."""
    return {told.check_name: told for told in result.get_asset_check_evaluations()}


def metadata_of(result: dg.ExecuteInProcessResult, *key: str) -> dict[str, object]:
    """Return the metadata of the asset that a run materialized under a key."""
    wanted = dg.AssetKey(key)
    for event in result.get_asset_materialization_events():
        if event.asset_key == wanted:
            shown = event.materialization.metadata
            return {name: value.value for name, value in shown.items()}
    raise AssertionError(f"{wanted} was not materialized")


def _decisions(store: EventStore, model: ResolvedModel) -> tuple[Decision, ...]:
    events = store.read(f"decision/{model.stream}")
    return tuple(stored.event.decision for stored in events)  # type: ignore[attr-defined]


def _versions(ledger: ModelLedger) -> tuple[tuple[str, str], ...]:
    return tuple((a.version, a.cutoff_window) for a in ledger.trainings if a.version is not None)


def _bundles(ledger: ModelLedger) -> tuple[str, ...]:
    return tuple(attempt.bundle_digest for attempt in ledger.trainings)


def _mlflow_versions(tracker: MlflowTracker, model: str) -> tuple[str, ...]:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=tracker.uri, registry_uri=tracker.uri)
    found = client.search_model_versions(f"name = '{model}'")
    return tuple(sorted(str(version.version) for version in found))
