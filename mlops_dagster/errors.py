"""Every error the product raises on purpose: one tree, terminal or transient.

A message says where, what was expected, what was found, the nearest valid name and what to do next.
Only transient errors are worth a retry; a retry policy asks `is_transient`, never a message text.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class MlopsDagsterError(Exception):
    """Base of all errors of this package.

    Args:
        problem: What is wrong, one sentence without a final full stop.
        where: The place: `file:line`, a table, a column, a window, an address without its secrets.
        expected: What would have been right.
        found: What was there instead.
        nearest: The valid name closest to what was found.
        next_step: What the reader should do now.
    """

    def __init__(
        self,
        problem: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        found: str | None = None,
        nearest: str | None = None,
        next_step: str | None = None,
    ) -> None:
        self.problem = problem
        self.where = where
        self.expected = expected
        self.found = found
        self.nearest = nearest
        self.next_step = next_step
        super().__init__(self._message())

    def _message(self) -> str:
        text = f"{self.where}: {self.problem}" if self.where else self.problem
        if self.expected is not None:
            text += f"; expected {self.expected}"
        if self.found is not None:
            text += f", found {self.found}"
        if self.nearest is not None:
            text += f" (did you mean {self.nearest}?)"
        if self.next_step is not None:
            text += f". {self.next_step}"
        return text


class TerminalError(MlopsDagsterError):
    """The same call will fail again until somebody changes something."""


class TransientError(MlopsDagsterError):
    """The same call may succeed when it is made again."""


class SpecError(TerminalError):
    """A file that users write is wrong; the message lists every mistake, one a line."""


class ExpressionError(TerminalError):
    """A SQL, rule or gate text leaves the language; the message shows the place with a caret.

    Args:
        line: Line of the place in the text, from 1.
        column: Column of the place in its line, from 1.
        excerpt: The line of the text and, below it, carets under the place.
        said: As of all errors.
    """

    def __init__(
        self,
        problem: str,
        *,
        line: int = 1,
        column: int = 1,
        excerpt: str | None = None,
        **said: str | None,
    ) -> None:
        self.line = line
        self.column = column
        self.excerpt = excerpt
        super().__init__(problem, **said)

    def _message(self) -> str:
        message = super()._message()
        return message if self.excerpt is None else f"{message}\n{self.excerpt}"


class ContractViolation(TerminalError):
    """A table's columns are not what its contract says.

    Args:
        differences: A sentence for each column that differs.
        said: As of all errors.
    """

    def __init__(
        self, problem: str, *, differences: tuple[str, ...] = (), **said: str | None
    ) -> None:
        self.differences = differences
        super().__init__(problem, **said)


class SourceError(TerminalError):
    """A file or table to be read is missing, unreadable or not what was declared."""


class BatchRefused(TerminalError):
    """A rule refused the batch; nothing was published, what was published before stays."""


class CorrectionRefused(TerminalError):
    """What is to be done with quarantined rows does not fit them: no such row, column or value."""


class NotDeterministic(TerminalError):
    """A transform gave other rows when it was computed a second time from the same inputs."""


class HookError(TerminalError):
    """A function in hooks.py is missing, undecorated, wrongly typed or failed."""


class LeakFound(TerminalError):
    """A derived table shows rows that were not knowable at the time they claim."""


class SupersededWrite(TerminalError):
    """A newer run took over the same slice; this one published nothing."""


class TransferTooLarge(TerminalError):
    """More rows or bytes would cross to the client than the limit allows."""


class ReadOnlySession(TerminalError):
    """A notebook's Spark session was asked to change something."""


class UnknownName(TerminalError):
    """There is no table, model, version or window of this name."""


class StateConflict(TerminalError):
    """Another writer appended to the same stream first."""


class StateUnusable(TerminalError):
    """The event store's address or driver is wrong, or it holds what this release cannot read."""


class TransitionRefused(TerminalError):
    """An event is not allowed in the stream's present state."""


class ModelRefused(TerminalError):
    """A model's files are not those that were registered, or hold a type nobody reviewed."""


class TrainingRefused(TerminalError):
    """A training set cannot give a model: too few rows, one class only, no usable feature."""


class TrackingRefused(TerminalError):
    """MLflow answered, and refused: no permission, no such run or version, or a wrong request."""


class StagingTestsFailed(TerminalError):
    """A registered model failed its tests in a clean process."""


class MonitoringError(TerminalError):
    """A baseline, profile or report does not fit what it is compared with, or cannot be made."""


class EngineConfigurationError(TerminalError):
    """The engine cannot be used as configured: no Java, wrong token, refused setting, no jars."""


class AlreadyRunning(TerminalError):
    """What may run once for an environment runs already: its daemon, or what holds its port."""


class StorageFull(TerminalError):
    """A disk or quota is full; nothing was published, what was published before stays."""


class TransientEngineError(TransientError):
    """The Spark server or session went away under a call; a new session may do it."""


class EngineLost(TransientEngineError):
    """The Spark server did not answer any more."""


class EngineOutOfMemory(TransientEngineError):
    """Spark ran out of memory; with less going on beside it the same call may fit."""


class DeltaConflict(TransientError):
    """Another writer committed to the same files of a Delta table first; nothing was written."""


class SourceUnavailable(TransientError):
    """A database that a table is read from did not answer."""


class TransientStateError(TransientError):
    """The event store is locked or unreachable."""


class TrackingUnavailable(TransientError):
    """The MLflow server did not answer."""


def is_transient(error: BaseException) -> bool:
    """Tell whether making the same call again may help, looking through the chain of causes."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MlopsDagsterError):
            return isinstance(seen, TransientError)
        seen = seen.__cause__
    return False


def nearest_name(found: str, valid: Iterable[str]) -> str | None:
    """Return the valid name closest to `found`, or None when none is close."""
    matches = get_close_matches(found, sorted(valid), n=1, cutoff=0.6)
    return matches[0] if matches else None
