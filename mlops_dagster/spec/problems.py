"""Mistakes in what users write: where each stands, what was expected, what was found."""

import re
from dataclasses import dataclass, field

from mlops_dagster.errors import SpecError

# User and password of an address; a password may hold any sign, and a parameter an @.
_SECRETS = re.compile(r"(://).*@[^\s'\"]*", re.DOTALL)
# Parameters of an address: tokens, passwords.
_PARAMETERS = re.compile(r"(://[^?;#\s'\"]*[?;#])[^\s'\"]+")
# Chat services put the right to post into the path of an address.
_SECRET_PATHS = re.compile(r"(https?://[^/?\s'\"]*[/?])[^\s'\"]+")


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in one file.

    Rendered `file:line: key.path: expected ..., found ... (did you mean ...?)`. `file` is relative
    to the workspace's root. `column` only orders mistakes of one line.
    """

    file: str
    line: int
    column: int
    key_path: str
    problem: str | None = None
    expected: str | None = None
    found: str | None = None
    nearest: str | None = None
    next_step: str | None = None

    def __str__(self) -> str:
        parts = [self.problem] if self.problem else []
        if self.expected is not None:
            said = f"expected {self.expected}"
            parts.append(said if self.found is None else f"{said}, found {self.found}")
        elif self.found is not None:
            parts.append(f"found {self.found}")
        text = "; ".join(parts)
        if self.nearest is not None:
            text += f" (did you mean {self.nearest}?)"
        if self.next_step is not None:
            text += f". {self.next_step}"
        place = f"{self.file}:{self.line}"
        line = f"{place}: {self.key_path}: {text}" if self.key_path else f"{place}: {text}"
        line = _PARAMETERS.sub(r"\1***", _SECRETS.sub(r"\1***", line))
        line = _SECRET_PATHS.sub(r"\1***", line)
        return "".join(sign if sign.isprintable() else _escaped(sign) for sign in line)


@dataclass
class ProblemList:
    """Collects the mistakes of a workspace; one seen twice through an alias counts once."""

    _problems: dict[tuple[object, ...], Problem] = field(default_factory=dict)

    def add(self, problem: Problem) -> None:
        """Record a mistake."""
        last_key = problem.key_path.rpartition(".")[2]
        text = (problem.problem, problem.expected, problem.found)
        self._problems.setdefault(
            (problem.file, problem.line, problem.column, last_key, *text), problem
        )

    def sorted(self) -> tuple[Problem, ...]:
        """Return the mistakes ordered by file and line."""
        return tuple(sorted(self._problems.values(), key=_order))

    def raise_if_any(self) -> None:
        """Raise what was collected as one error.

        Raises:
            SpecError: At least one mistake was recorded; the message lists them, one a line.
        """
        found = self.sorted()
        if found:
            raise SpecError("\n".join(str(problem) for problem in found))


def _escaped(sign: str) -> str:
    """Write what a terminal would obey or hide: control signs, line ends, changes of direction."""
    return sign.encode("unicode_escape").decode("ascii")


def _order(problem: Problem) -> tuple[str, int, int, str]:
    return (problem.file, problem.line, problem.column, str(problem))
