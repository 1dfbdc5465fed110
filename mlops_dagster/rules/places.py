"""Places in a text, and errors that show them."""

from dataclasses import dataclass

from mlops_dagster.errors import ExpressionError

_EXCERPT_WIDTH = 100


@dataclass(frozen=True)
class Span:
    """The characters `start` up to, not with, `end` of a text."""

    start: int
    end: int

    def to(self, other: "Span") -> "Span":
        """Return the span from the start of this one to the end of `other`."""
        return Span(self.start, other.end)


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Return line and column, both from 1, of a character of the text."""
    before = text[:offset]
    return before.count("\n") + 1, offset - before.rfind("\n")


def error_at(
    text: str,
    span: Span,
    problem: str,
    *,
    expected: str | None = None,
    found: str | None = None,
    nearest: str | None = None,
    next_step: str | None = None,
) -> ExpressionError:
    """Return the error that shows `span` of `text` with carets.

    Control characters are shown as spaces, so that a text cannot write on the reader's terminal.
    """
    line, column = line_and_column(text, span.start)
    return ExpressionError(
        problem,
        expected=expected,
        found=found,
        nearest=nearest,
        next_step=next_step,
        line=line,
        column=column,
        excerpt=_excerpt(text.split("\n")[line - 1], column - 1, span.end - span.start),
    )


def _excerpt(line: str, start: int, length: int) -> str:
    first = max(0, start - _EXCERPT_WIDTH // 2)
    shown = line[first : first + _EXCERPT_WIDTH]
    shown = "".join(letter if letter.isprintable() else " " for letter in shown)
    carets = max(1, min(length, len(shown) - (start - first)))
    return f"  {shown}\n  {' ' * (start - first)}{'^' * carets}"
