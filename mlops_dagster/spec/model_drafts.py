"""Models on the way to being resolved."""

from dataclasses import dataclass, field

from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.files import Owner
from mlops_dagster.spec.hooks import HookSource
from mlops_dagster.spec.models import Model
from mlops_dagster.spec.positions import Key
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.source import Source
from mlops_dagster.spec.use_case import Project, UseCase
from mlops_dagster.spec.workspace import ResolvedGate


@dataclass
class ModelDraft:
    """A model as far as it is resolved."""

    name: str
    owner: Owner
    spec: Model
    rows: Draft | None = None
    label: Draft | None = None
    features: dict[TableRef, tuple[str, ...] | None] = field(default_factory=dict)
    gates: list[ResolvedGate] = field(default_factory=list)
    metric_hooks: list[HookSource] = field(default_factory=list)
    estimator_hook: HookSource | None = None

    @property
    def source(self) -> Source[UseCase] | Source[Project]:
        """The file that declares it."""
        return self.owner.source

    def path(self, *keys: Key) -> tuple[Key, ...]:
        """Return the path of a part of it in its file."""
        return ("models", self.name, *keys)

    def table_column(self, table: Draft, column: str, *path: Key) -> str | None:
        """Return a column's type when known; report, in the model, one that a table has not."""
        if table.columns is not None and column not in table.columns:
            self.source.report(
                *path,
                expected=f"a column of {table.ref}",
                found=f"'{column}'",
                names=table.columns,
                nearest_to=column,
            )
            return None
        return None if table.columns is None else table.columns[column]

    def require_event_time(self, table: Draft, path: tuple[Key, ...]) -> None:
        """Report a table with windows of which nobody could say when its rows were known."""
        missing = table.spec.event_time is None and table.source.sound(*table.path("event_time"))
        # Then the table's own mistake says so.
        told = table.spec.known_at is not None or table.spec.valid_for is not None
        if table.windowed and missing and not told:
            self.source.report(
                *path,
                expected="a table with an event_time",
                found=f"{table.ref} without ({table.declared.place})",
            )

    def refuse_forecasts(self, table: Draft, path: tuple[Key, ...]) -> None:
        """Report a table of forecasts: several of its rows may be about one event."""
        if table.spec.forecast:
            self.source.report(
                *path,
                expected="a table with one row for each key and event time",
                found=f"{table.ref}, a table of forecasts ({table.declared.place})",
            )
