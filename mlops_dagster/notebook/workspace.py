"""`mlops_dagster.open_workspace()`: what a notebook gets to see of a project. It only reads."""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_dagster.notebook.attempts import check_window, registered_attempt
from mlops_dagster.notebook.instants import instant
from mlops_dagster.notebook.names import find_model, find_table, known_tables, shown
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.refs import STATIC
from mlops_dagster.spec.root import environment_name, project_root
from mlops_dagster.spec.workspace import ResolvedModel, Workspace
from mlops_dagster.state.store import EventStore, open_environment_store
from mlops_dagster.windows import WindowCalendar

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession

    from mlops_dagster.engine.connect import Engine
    from mlops_dagster.monitoring.decision import Decision
    from mlops_dagster.registry.bundle import LoadedModel
    from mlops_dagster.registry.ledger import Attempt
    from mlops_dagster.tables.locations import Locations

Instant = datetime | str | None


def opened(environment: str | None, root: Path | str | None) -> "OpenedWorkspace":
    """Return a project to be looked at: see `mlops_dagster.open_workspace`."""
    folder = project_root(None if root is None else Path(root))
    workspace = load_workspace(folder, environment_name(environment))
    store = open_environment_store(workspace.environment, workspace.state_folder)
    return OpenedWorkspace(workspace, store)


class OpenedWorkspace:
    """A project in one environment, to be looked at.

    Names, windows and decisions come from files and the event store; Spark and MLflow are reached
    when rows or a model are first asked for. Nothing here writes, and the Spark session refuses
    what would.

    Arguments that several methods take:
        as_of: What was known at this instant: publications that were decided by then. Windows are
            decided as they close, static tables when their run started. A datetime or a text with a
            time zone, such as `2013-07-01T00:00:00+00:00`.
        published_by: What readers saw at this instant of the wall clock: publications written by
            then, before later corrections.
        model: `use_case.model`, or its own name where only one model has it.
        version: A registered version, champion or not.
    """

    def __init__(self, workspace: Workspace, store: EventStore) -> None:
        self._workspace = workspace
        self._store = store
        self._engine: Engine | None = None

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of all tables: declared ones, those of models, and users' own."""
        known = known_tables(self._workspace, self._store)
        return tuple(shown(ref, known) for ref in known)

    @property
    def models(self) -> tuple[str, ...]:
        """Names of all models, as `use_case.model`."""
        use_cases = self._workspace.use_cases.values()
        return tuple(model.stream for one in use_cases for model in one.models.values())

    @property
    def session(self) -> "SparkSession":
        """The Spark session. Its first use starts a local server, or connects to a remote one.

        What would change a table raises ReadOnlySession.
        """
        from mlops_dagster.engine.connect import open_engine

        if self._engine is None:
            self._engine = open_engine(
                self._workspace.environment, self._workspace.state_folder, read_only=True
            )
        return self._engine.session()

    def windows(
        self, table: str, *, as_of: Instant = None, published_by: Instant = None
    ) -> tuple[str, ...]:
        """Return the windows of a table that are published, in order; starts nothing.

        Raises:
            UnknownName: There is no such table.
        """
        from mlops_dagster.tables.past import pin_past

        past = pin_past(
            self._store,
            find_table(self._workspace, self._store, table),
            as_of=instant(as_of, "as_of"),
            published_by=instant(published_by, "published_by"),
        )
        return () if past is None or past.windows == (STATIC,) else past.windows

    def table(
        self,
        name: str,
        *,
        window: str | Collection[str] | None = None,
        as_of: Instant = None,
        published_by: Instant = None,
    ) -> "DataFrame":
        """Return the published rows of a table, now or as they were; lazy, of any size.

        Args:
            name: `layer.table`, `project.table`, or `use_case.layer.table`.
            window: One window or several; all by default.
            as_of: What was known then.
            published_by: What readers saw then.

        Returns:
            The table's columns, and `window` where it has windows.

        Raises:
            UnknownName: There is no such table or window; the message has the nearest name.
            SourceError: Nothing of it was published, or a window that is asked for was not.
        """
        from mlops_dagster.notebook.published import past_table

        ref = find_table(self._workspace, self._store, name)
        windows = {window} if isinstance(window, str) else window
        for key in sorted(windows or ()):
            check_window(self._workspace.calendar_of(ref), key, where=str(ref))
        past = past_table(
            self._store,
            ref,
            windows=windows,
            as_of=instant(as_of, "as_of"),
            published_by=instant(published_by, "published_by"),
        )
        return past.read(self.session, self._locations)

    def training_set(
        self, model: str, *, window: str | None = None, version: str | None = None
    ) -> "DataFrame":
        """Return the rows that a model was trained on, exactly as they were then.

        Args:
            model: The model.
            window: The cutoff of a training, whatever its gates said.
            version: A registered version. Without both: the champion of the windows to come.

        Returns:
            The key, times, features, `label`, `label_state`, `split` (`fit` or `holdout`), `day`.

        Raises:
            UnknownName: There is no such model, version or window, or no champion.
            SourceError: Nothing was trained there.
        """
        from mlops_dagster.notebook.published import training_publication
        from mlops_dagster.registry.ledger import read_ledger
        from mlops_dagster.tables.commits import slice_rows
        from mlops_dagster.tables.slices import Slice

        found = find_model(self._workspace, model)
        if window is not None and version is None:
            check_window(self._calendar(found), window, where=found.stream)
            cutoff, attempt = window, read_ledger(self._store, found.stream).latest(window)
        else:
            attempt = self._attempt(found, version=version, window=window)
            cutoff = attempt.cutoff_window
        publication = training_publication(self._store, found, cutoff=cutoff, attempt=attempt)
        target = Slice(found.derived("model", "training_set"), cutoff)
        location = self._locations.of(target.ref)
        return slice_rows(self.session, location, target, publication.delta_version)

    def load_model(
        self, model: str, *, version: str | None = None, window: str | None = None
    ) -> "LoadedModel":
        """Return a model, by our own loader: its files are those registered, its types reviewed.

        Args:
            model: The model.
            version: A registered version.
            window: The version that scores this window. Without both: the champion of the windows
                to come.

        Returns:
            Has `predict`, which takes a pandas DataFrame with the features, and `info`.

        Raises:
            UnknownName: There is no such model or version, or none in charge.
            ModelRefused: Its files are not those that were registered.
            TrackingUnavailable: MLflow did not answer.
        """
        from mlops_dagster.registry.bundle import load_bundle
        from mlops_dagster.registry.tracking import open_tracker

        found = find_model(self._workspace, model)
        attempt = self._attempt(found, version=version, window=window)
        state_folder = self._workspace.state_folder
        folder = open_tracker(self._workspace.environment, state_folder).download_bundle(
            found.stream,
            str(attempt.version),
            state_folder / "downloads" / attempt.bundle_digest,
        )
        return load_bundle(folder, expected_digest=attempt.bundle_digest)

    def decisions(self, model: str, *, as_of: Instant = None) -> "tuple[Decision, ...]":
        """Return what was decided about each window, oldest first; starts nothing.

        Raises:
            UnknownName: There is no such model.
        """
        from mlops_dagster.monitoring.events import history

        stream = find_model(self._workspace, model).stream
        told = history(self._store, stream, as_of=instant(as_of, "as_of")).decisions
        return tuple(told[window] for window in sorted(told))

    def to_pandas(
        self, rows: "DataFrame", *, limit_rows: int = 2_000_000, limit_bytes: int = 1 << 30
    ) -> "pd.DataFrame":
        """Fetch rows: timestamps are naive and in UTC, integers with nulls are floats.

        Raises:
            TransferTooLarge: Before more than the limits has arrived; it names the argument.
        """
        from mlops_dagster.engine.transfer import rows_to_client

        return rows_to_client(
            rows, what="rows of a notebook", limit_rows=limit_rows, limit_bytes=limit_bytes
        )

    def close(self) -> None:
        """Release the Spark session; whatever asks for rows next opens another one."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def __enter__(self) -> "OpenedWorkspace":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        name, environment = self._workspace.project.name, self._workspace.environment.name
        return f"<{name} in {environment}: {len(self.tables)} tables, {len(self.models)} models>"

    @property
    def _locations(self) -> "Locations":
        from mlops_dagster.tables.locations import Locations

        return Locations(self._workspace.environment, self._workspace.root)

    def _calendar(self, model: ResolvedModel) -> WindowCalendar | None:
        return self._workspace.use_cases[model.use_case].calendar

    def _attempt(
        self, model: ResolvedModel, *, version: str | None, window: str | None
    ) -> "Attempt":
        from mlops_dagster.registry.ledger import read_ledger

        return registered_attempt(
            read_ledger(self._store, model.stream),
            self._calendar(model),
            model,
            version=version,
            window=window,
        )
