"""What is shown while jobs run: a bar on a terminal, a line a run everywhere."""

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from mlops_dagster.automation.replay import Watcher
from mlops_dagster.clock import monotonic_seconds


class ReplayProgress(Watcher):
    """Shows the run and the step that is on; the line of a run says how long it took.

    Args:
        console: Where to show it; without a terminal there are only the lines.
        prefix: What job names begin with and lines leave out.
    """

    def __init__(self, console: Console, *, prefix: str) -> None:
        """See the class."""
        self._console = console
        self._prefix = prefix
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("[dim]{task.fields[step]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=None, visible=False, step="")
        self._line = ""
        self._started = 0.0

    def __enter__(self) -> "ReplayProgress":
        """Start to draw."""
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        self._progress.stop()

    def run_started(self, job: str, window: str, steps: int) -> None:
        """Show the run."""
        self._line = f"[dim]{window}[/dim]  {job.removeprefix(self._prefix)}"
        self._started = monotonic_seconds()
        self._progress.reset(
            self._task, total=steps, description=self._line, visible=True, step="starting"
        )

    def step_ended(self, step: str) -> None:
        """Count a step and name it."""
        self._progress.update(self._task, advance=1, step=step.replace("__", "/"))

    def run_ended(self) -> None:
        """Leave a line."""
        seconds = monotonic_seconds() - self._started
        self._progress.update(self._task, visible=False)
        self._console.print(f"{self._line}  [dim]{seconds:.0f} s[/dim]", highlight=False)
