"""`mlops-dagster run`: run a use case here and now, by the jobs that schedules start."""

from collections.abc import Iterator
from pathlib import Path

import click
import dagster as dg
from rich.console import Console

from mlops_dagster.automation.due import next_due
from mlops_dagster.automation.instance import prepare_instance, write_dotenv
from mlops_dagster.automation.jobs import (
    close_job_name,
    forecasts,
    open_job_name,
    train_job_name,
)
from mlops_dagster.automation.outcome import Outcome, outcome_of, state_before
from mlops_dagster.automation.progress import closing_keys, done_windows
from mlops_dagster.automation.replay import ReplayStep, refresh, replay_window, run_job
from mlops_dagster.cli.demo_progress import ReplayProgress
from mlops_dagster.cli.landing_data import FETCH_SCRIPT, land_data
from mlops_dagster.cli.options import environment_option, reported, root_option
from mlops_dagster.cli.run_report import print_outcome
from mlops_dagster.clock import monotonic_seconds, utc_now
from mlops_dagster.definitions import build_definitions
from mlops_dagster.errors import SpecError, nearest_name
from mlops_dagster.resources.workspace import DEFAULT_ENVIRONMENT, cached_workspace, event_store
from mlops_dagster.spec.refs import STATIC
from mlops_dagster.spec.root import find_root
from mlops_dagster.spec.workspace import ResolvedUseCase, Workspace
from mlops_dagster.windows import WindowCalendar

STAGES = ("open", "close", "train")


@click.command()
@click.argument("use_case")
@click.option("--window", help="The window to process.  [default: the next one in line]")
@click.option(
    "--only",
    type=click.Choice(STAGES),
    help="Of a window only its forecasts, its close, or a training with it as the cutoff.",
)
@environment_option
@root_option
def command(
    use_case: str, window: str | None, only: str | None, environment: str, root: Path
) -> None:
    """Run USE_CASE and show rows, metrics, versions and scores, and what stayed as it was.

    Without windows everything runs, from files to predictions. With windows one is opened, closed,
    and trained on if its decision asks for it. A script fetch_data.py in the use case's folder is
    run first: it brings the data of an example.
    """
    console = Console()
    with reported():
        workspace = cached_workspace(find_root(root), environment)
        outcome = run_use_case(console, workspace, use_case, window=window, only=only)
    if outcome is not None:
        shown = "" if environment == DEFAULT_ENVIRONMENT else f" --environment {environment}"
        console.print(f"Look at runs, tables and checks: [bold]mlops-dagster ui{shown}[/bold]")


def run_use_case(
    console: Console,
    workspace: Workspace,
    name: str,
    *,
    window: str | None = None,
    only: str | None = None,
) -> Outcome | None:
    """Run a use case, print what came of it and return that; None when no window is due.

    Args:
        console: Where to print.
        workspace: The project.
        name: The use case.
        window: Its window; None for the next in line, or without windows.
        only: `open`, `close` or `train`: one stage of a window; None for what a schedule would do.

    Raises:
        SpecError: There is no such use case or window, or it has not closed yet.
        TerminalError: A run failed; its log is in the instance.
    """
    use_case = chosen_use_case(workspace, name)
    started = monotonic_seconds()
    home = prepare_instance(workspace)
    write_dotenv(workspace)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        key = chosen_window(instance, use_case, window, only=only)
        if key is None:
            console.print(f"{name}: every window that has closed is done; nothing ran.")
            return None
        script = use_case.folder / FETCH_SCRIPT
        if script.is_file():
            land_data(workspace, script)
        store = event_store(workspace)
        before = state_before(store, workspace, use_case)
        definitions = build_definitions(workspace.root, workspace.environment.name)
        with ReplayProgress(console, prefix=f"{name}_") as watcher:
            steps = list(_steps(definitions, instance, use_case, key, only=only, watcher=watcher))
        outcome = outcome_of(
            instance,
            store,
            use_case,
            window=key,
            run_ids=[step.run_id for step in steps],
            before=before,
        )
    print_outcome(console, outcome, seconds=monotonic_seconds() - started)
    return outcome


def chosen_use_case(workspace: Workspace, name: str) -> ResolvedUseCase:
    """Return a use case by name.

    Raises:
        SpecError: There is none; names the nearest.
    """
    found = workspace.use_cases.get(name)
    if found is None:
        raise SpecError(
            "no such use case",
            where=f"{workspace.project.name} in {workspace.environment.name}",
            expected=f"one of {', '.join(sorted(workspace.use_cases)) or 'none: it has none'}",
            found=f"'{name}'",
            nearest=nearest_name(name, workspace.use_cases),
        )
    return found


def chosen_window(
    instance: dg.DagsterInstance, use_case: ResolvedUseCase, window: str | None, *, only: str | None
) -> str | None:
    """Return the window to process: the one asked for, else the next; `static` without windows.

    Raises:
        SpecError: It is no window of the use case, has not come yet, or has no such stage.
    """
    calendar = use_case.calendar
    if calendar is None:
        given = [text for text in (window and "--window", only and "--only") if text]
        if given:
            raise SpecError(
                f"{use_case.name} has no windows",
                found=" and ".join(given),
                next_step=f"Write mlops-dagster run {use_case.name}: everything is one run.",
            )
        return STATIC
    if only == "open" and not forecasts(use_case):
        raise SpecError(
            f"no model of {use_case.name} predicts as its windows open",
            expected="a model with predict: {at: open}",
            found="--only open",
            next_step="Leave --only out, or write --only close.",
        )
    if window is None:
        done = done_windows(instance, closing_keys(use_case))
        return next_due(calendar, done=done, now=utc_now(), opens=False)
    return _known_window(calendar, window, opens=only == "open")


def _known_window(calendar: WindowCalendar, window: str, *, opens: bool) -> str:
    newest = calendar.opened_by(utc_now()) if opens else calendar.closed_by(utc_now())
    known = [] if newest is None else calendar.between(calendar.first, newest.key)
    keys = [one.key for one in known]
    if window in keys:
        return window
    verb = "opened" if opens else "closed"
    raise SpecError(
        f"no window of that name has {verb}",
        expected=f"a window from {keys[0]} to {keys[-1]}" if keys else f"one that has {verb}",
        found=f"'{window}'",
        nearest=nearest_name(window, keys),
    )


def _steps(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    use_case: ResolvedUseCase,
    window: str,
    *,
    only: str | None,
    watcher: ReplayProgress,
) -> Iterator[ReplayStep]:
    if window == STATIC:
        yield refresh(definitions, instance, use_case, watcher=watcher)
        return
    if only is None:
        yield from replay_window(definitions, instance, use_case, window, watcher=watcher)
        return
    jobs = {
        "open": [open_job_name(use_case.name)],
        "close": [close_job_name(use_case.name)],
        "train": [train_job_name(model) for model in use_case.models.values()],
    }
    for job in jobs[only]:
        yield run_job(definitions, instance, job, window, watcher=watcher)
