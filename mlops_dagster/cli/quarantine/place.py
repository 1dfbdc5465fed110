"""What the verbs of the quarantine share: options, the use case they are about, its runs."""

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from mlops_dagster.cli.options import environment_option, root_option
from mlops_dagster.errors import CorrectionRefused, nearest_name
from mlops_dagster.spec.refs import PROJECT_OWNER, TableRef
from mlops_dagster.spec.root import USE_CASE_VARIABLE, find_root
from mlops_dagster.spec.workspace import Workspace
from mlops_dagster.state.store import EventStore, open_environment_store
from mlops_dagster.tables.locations import Locations

if TYPE_CHECKING:
    import dagster as dg
    from pyspark.sql import SparkSession

F = TypeVar("F", bound=Callable[..., object])
_SHOWN_DIGITS = 19


@dataclass(frozen=True)
class QuarantinePlace:
    """A use case whose quarantine is looked at, or `project` for shared tables."""

    workspace: Workspace
    owner: str
    store: EventStore

    @property
    def option(self) -> str:
        """What a command must say beside its verb to be about the same use case."""
        return f" --use-case {self.owner}" if len(_owners(self.workspace)) > 1 else ""

    @property
    def locations(self) -> Locations:
        """Where its tables lie."""
        return Locations(self.workspace.environment, self.workspace.root)

    @contextmanager
    def session(self) -> "Iterator[SparkSession]":
        """Hold a Spark session for a look at the quarantine."""
        from mlops_dagster.engine.connect import open_engine

        engine = open_engine(self.workspace.environment, self.workspace.state_folder)
        try:
            with engine.step("quarantine") as session:
                yield session
        finally:
            engine.close()

    @contextmanager
    def runs(self) -> "Iterator[tuple[dg.Definitions, dg.DagsterInstance]]":
        """Hold the definitions and the instance that runs are recorded in."""
        import dagster as dg

        from mlops_dagster.automation.instance import prepare_instance
        from mlops_dagster.definitions import build_definitions

        home = prepare_instance(self.workspace)
        definitions = build_definitions(self.workspace.root, self.workspace.environment.name)
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield definitions, instance

    def table(self, text: str) -> TableRef:
        """Return a table of the use case named `layer.name`.

        Raises:
            CorrectionRefused: There is none; the message names the nearest.
        """
        tables = {f"{r.layer}.{r.name}": r for r in self.workspace.tables if r.owner == self.owner}
        name = text.removeprefix(f"{self.owner}.")
        if name not in tables:
            raise CorrectionRefused(
                f"{self.owner} has no table '{text}'",
                expected="layer.name",
                nearest=nearest_name(name, tables),
            )
        return tables[name]


def place_options(command: F) -> F:
    """Give a verb the options that say which project, environment and use case it is about."""
    use_case = click.option(
        "--use-case",
        envvar=USE_CASE_VARIABLE,
        help="Whose quarantine; needed where there are several, also set by "
        f"{USE_CASE_VARIABLE}. `project` for shared tables.",
    )
    return root_option(environment_option(use_case(command)))


def open_place(root: Path, environment: str, use_case: str | None) -> QuarantinePlace:
    """Return the use case that the options name, or the only one.

    Raises:
        CorrectionRefused: There are several, or none of this name.
    """
    from mlops_dagster.resources.workspace import cached_workspace

    workspace = cached_workspace(find_root(root).resolve(), environment)
    owners = _owners(workspace)
    owner = use_case or owners[0]
    if owner not in owners or (use_case is None and len(owners) > 1):
        raise CorrectionRefused(
            "whose quarantine?" if use_case is None else f"no use case '{use_case}'",
            expected=f"--use-case {' | '.join(owners)}",
            nearest=None if use_case is None else nearest_name(use_case, owners),
            next_step=f"{USE_CASE_VARIABLE} names it for all commands",
        )
    store = open_environment_store(workspace.environment, workspace.state_folder)
    return QuarantinePlace(workspace, owner, store)


def _owners(workspace: Workspace) -> list[str]:
    return [*workspace.use_cases, *([PROJECT_OWNER] if workspace.shared_tables else [])]


def current_user() -> str:
    """Return who runs this command, for the record."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number without a name.
        return "unknown"


def shown_time(moment: object) -> str:
    """Return an instant to the second, or a dash."""
    return "-" if moment is None else str(moment)[:_SHOWN_DIGITS]


def printable(text: str) -> str:
    """Return a text of the data for a terminal: what it would obey is shown as an escape."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii")
        for sign in text
    )
