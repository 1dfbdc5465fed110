"""`mlops-dagster demo`: train on the first months of flights, replay the others, show it."""

import os
import sys
from enum import Enum

import click
import dagster as dg
from rich.console import Console

from mlops_dagster.automation.history import window_history
from mlops_dagster.automation.instance import prepare_instance, write_dotenv
from mlops_dagster.automation.progress import closing_keys, done_windows
from mlops_dagster.automation.replay import replay_window, run_requested
from mlops_dagster.cli.demo_comparison import compare_champion
from mlops_dagster.cli.demo_progress import ReplayProgress
from mlops_dagster.cli.demo_summary import DemoSummary, read_summary, summary_of, write_summary
from mlops_dagster.cli.demo_table import decided_table, gained, reasons
from mlops_dagster.cli.landing_data import FETCH_SCRIPT, land_data
from mlops_dagster.clock import monotonic_seconds
from mlops_dagster.definitions import build_definitions
from mlops_dagster.errors import MlopsDagsterError
from mlops_dagster.resources.workspace import (
    DEFAULT_ENVIRONMENT,
    cached_workspace,
    event_store,
    project_root,
)
from mlops_dagster.spec.workspace import ResolvedUseCase, Workspace
from mlops_dagster.windows import WindowCalendar


class Scenario(str, Enum):
    """Data with a known answer instead of the year as it was; each has an environment."""

    CONTROL = "control"
    FAULT = "fault"


USE_CASE = "flight_delays"
# The first model is trained when March is in.
FIRST_REPLAYED = 4
_MONTHS_OF_2013 = 12


def month_range(text: str) -> tuple[int, int]:
    """Read `4-6` or `4`: months of 2013 after the three that the first model is trained on.

    Raises:
        click.BadParameter: The text is no such range.
    """
    first, _, last = text.partition("-")
    if first.isdecimal() and (last or first).isdecimal():
        months = int(first), int(last or first)
        if FIRST_REPLAYED <= months[0] <= months[1] <= _MONTHS_OF_2013:
            return months
    raise click.BadParameter(f"'{text}' is not a range of months from 4 to 12, such as 4-6")


@click.command("demo")
@click.option(
    "--months",
    type=month_range,
    metavar="FROM-TO",
    default="4-12",
    show_default=True,
    help="The months of 2013 to replay after the first training.",
)
@click.option("--environment", default="dev", show_default=True, help="A name below environments/.")
@click.option(
    "--control",
    "scenario",
    flag_value=Scenario.CONTROL,
    type=Scenario,
    help="Months made of weeks of January to March instead: nothing changes, nothing is retrained.",
)
@click.option(
    "--fault",
    "scenario",
    flag_value=Scenario.FAULT,
    type=Scenario,
    help="An April with half of a column missing instead: told as a fault, nothing is retrained.",
)
def command(months: tuple[int, int], environment: str, scenario: Scenario | None) -> None:
    """Train on January to March 2013, replay months after them, print what happened to each.

    Goes on where it was interrupted; when all is done it only prints the table. With --control or
    --fault the right answer is known: the command fails when it is not given.
    """
    console = Console()
    last_month = FIRST_REPLAYED if scenario is Scenario.FAULT else months[1]
    if scenario is not None:
        environment = scenario.value
    try:
        summary = run_demo(
            console, last_month=last_month, environment=environment, scenario=scenario
        )
    except MlopsDagsterError as error:
        console.print(f"[red]{error}", highlight=False)
        sys.exit(1)
    if scenario is not None and not _as_it_must_be(console, scenario, summary):
        sys.exit(1)


def run_demo(
    console: Console, *, last_month: int, environment: str, scenario: Scenario | None = None
) -> DemoSummary:
    """Replay the flagship's windows up to a month of 2013, print the table, return the summary.

    Raises:
        MlopsDagsterError: A run failed, or the use case is not in this project.
    """
    started = monotonic_seconds()
    workspace = cached_workspace(project_root(), environment)
    use_case, calendar = _flagship(workspace)
    os.environ["DAGSTER_HOME"] = str(prepare_instance(workspace))
    write_dotenv(workspace)
    _fetch(workspace, use_case, scenario)
    windows = [w.key for w in calendar.between(calendar.first, f"2013-{last_month:02d}")]
    with dg.DagsterInstance.get() as instance:
        ran = _replay(console, workspace, use_case, instance, windows)
        model = next(iter(use_case.models.values()))
        store = event_store(workspace)
        found = [
            window_history(
                instance=instance,
                store=store,
                use_case=use_case,
                model=model,
                calendar=calendar,
                window=window,
            )
            for window in windows
        ]
    path = workspace.state_folder.parent / "demo" / (scenario or "") / "summary.json"
    summary = read_summary(path)
    if ran or summary is None or [m.month for m in summary.months] != windows:
        compared = compare_champion(workspace, model, calendar, windows[-1])
        seconds = monotonic_seconds() - started
        summary = summary_of(found, wall_seconds=seconds, compared=compared)
        write_summary(path, summary)
    console.print(decided_table(found))
    for line in (*reasons(found), *gained(summary)):
        console.print(line, highlight=False, soft_wrap=True)
    console.print(
        f"{ran} runs in {monotonic_seconds() - started:.0f} s."
        if ran
        else "Everything was done already; nothing ran."
    )
    shown = "" if environment == DEFAULT_ENVIRONMENT else f" --environment {environment}"
    console.print(f"Look at the runs, tables and reports: [bold]mlops-dagster ui{shown}[/bold]")
    return summary


def _as_it_must_be(console: Console, scenario: Scenario, summary: DemoSummary) -> bool:
    """Tell whether the scenario's known answer was given, and say so."""
    retrained = [month.month for month in summary.months if month.decision == "retrain"]
    blocked = [month.month for month in summary.months if month.decision == "blocked"]
    right = not retrained and (scenario is Scenario.CONTROL or blocked == ["2013-04"])
    expected = {
        Scenario.CONTROL: "nothing changed, so nothing is retrained",
        Scenario.FAULT: "April's data are broken, so nothing is trained on them",
    }[scenario]
    told = f"retrained: {', '.join(retrained) or 'never'}"
    told += f"; blocked: {', '.join(blocked) or 'never'}"
    answer = "as expected" if right else "[red]not as expected[/red]"
    console.print(f"{answer}: {expected} ({told})", soft_wrap=True, highlight=False)
    return right


def _flagship(workspace: Workspace) -> tuple[ResolvedUseCase, WindowCalendar]:
    use_case = workspace.use_cases.get(USE_CASE)
    if use_case is None or use_case.calendar is None or not use_case.models:
        raise MlopsDagsterError(
            "the demo needs the flagship use case",
            where=str(workspace.root),
            expected=f"use_cases/{USE_CASE}/use_case.yaml with windows and a model",
            next_step="Run the demo in a checkout of mlops_dagster.",
        )
    return use_case, use_case.calendar


def _fetch(workspace: Workspace, use_case: ResolvedUseCase, scenario: Scenario | None) -> None:
    """Unpack or make the data; the scripts are the use case's own and leave alone what is there."""
    script = FETCH_SCRIPT if scenario is None else "scenarios.py"
    land_data(workspace, use_case.folder / script, *([scenario.value] if scenario else []))


def _replay(
    console: Console,
    workspace: Workspace,
    use_case: ResolvedUseCase,
    instance: dg.DagsterInstance,
    windows: list[str],
) -> int:
    """Run what is not done yet and return the number of runs."""
    done = done_windows(instance, closing_keys(use_case))
    pending = [window for window in windows if window not in done]
    definitions = build_definitions(workspace.root, workspace.environment.name)
    ran = 0

    with ReplayProgress(console, prefix=f"{use_case.name}_") as watcher:
        # An interruption may have left a decision without its training.
        for _ in run_requested(definitions, instance, use_case, watcher=watcher):
            ran += 1
        for window in pending:
            for _ in replay_window(definitions, instance, use_case, window, watcher=watcher):
                ran += 1
    return ran
