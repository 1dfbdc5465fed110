"""Builds tables of the energy_demand project without Dagster, as its close and open jobs would."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.data.build import TableBuilt, build_table
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.models import Holdout
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster.spec.workspace import ResolvedModel, ResolvedUseCase, Workspace
from mlops_dagster.state.store import EventStore, open_environment_store
from mlops_dagster.tables.locations import Locations
from mlops_dagster.windows import Duration, WindowCalendar
from mlops_dagster_tests.energy_demand.write_project import EnergyProject

CALENDAR = TableRef.shared("calendar")
READINGS = TableRef("energy_demand", "bronze", "readings")
HOUSEHOLD_DAYS = TableRef("energy_demand", "features", "household_days")


@dataclass(frozen=True)
class Running:
    """A loaded project with a session, its event store and the places of its tables."""

    session: SparkSession
    project: EnergyProject
    workspace: Workspace
    store: EventStore
    locations: Locations

    @property
    def use_case(self) -> ResolvedUseCase:
        """The use case."""
        return self.workspace.use_cases["energy_demand"]

    @property
    def calendar(self) -> WindowCalendar:
        """Its days."""
        calendar = self.use_case.calendar
        assert calendar is not None
        return calendar

    def build(self, ref: TableRef, window: str, as_of: datetime) -> TableBuilt:
        """Build one slice of a table."""
        return build_table(
            self.session,
            workspace=self.workspace,
            table=self.workspace.table(ref),
            window=window,
            as_of=as_of,
            store=self.store,
            locations=self.locations,
            run_id="run",
        )

    def build_calendar(self) -> TableBuilt:
        """Build the project's static table."""
        return self.build(CALENDAR, STATIC, self.calendar.as_of_open(self.calendar.first))

    def open(self, window: str) -> TableBuilt:
        """Build what is known as a window opens: the features."""
        return self.build(HOUSEHOLD_DAYS, window, self.calendar.as_of_open(window))

    def close(self, window: str) -> TableBuilt:
        """Build what is known as a window closes: the readings."""
        return self.build(READINGS, window, self.calendar.as_of_close(window))

    def run(self, windows: Iterable[str]) -> None:
        """Open and close windows in their order."""
        for window in windows:
            self.open(window)
            self.close(window)

    def rows(self, ref: TableRef, window: str) -> DataFrame:
        """Return the newest rows of a table's window."""
        return self.locations.of(ref).read(self.session).where(F.col("window") == window)


def running(session: SparkSession, project: EnergyProject) -> Running:
    """Load a project for a session."""
    workspace = load_workspace(project.root, project.environment)
    return Running(
        session=session,
        project=project,
        workspace=workspace,
        store=open_environment_store(workspace.environment, workspace.state_folder),
        locations=Locations(workspace.environment, project.root),
    )


def trainable(model: ResolvedModel, *, at_least: int) -> ResolvedModel:
    """Return a model that needs few windows and holds the last one out."""
    train = model.spec.train.model_copy(
        update={
            "at_least": Duration.parse(f"{at_least} windows"),
            "holdout": Holdout(last=Duration.parse("1 window")),
        }
    )
    return replace(model, spec=model.spec.model_copy(update={"train": train}))
