"""Texts of the rule language inside YAML."""

from collections.abc import Callable
from typing import TypeVar

from mlops_dagster.errors import ExpressionError
from mlops_dagster.spec.messages import show
from mlops_dagster.spec.positions import Key
from mlops_dagster.spec.source import Source
from mlops_dagster.spec.use_case import Project, UseCase

Parsed = TypeVar("Parsed")


def parse_text(
    source: Source[UseCase] | Source[Project],
    path: tuple[Key, ...],
    text: str,
    parse: Callable[[str], Parsed],
) -> Parsed | None:
    """Parse a text that stands in YAML; report why it cannot be, at its line and character."""
    try:
        return parse(text)
    except ExpressionError as error:
        source.report(
            *path,
            problem=f"{error.problem} at character {error.column} of {show(text)}",
            expected=error.expected,
            found=error.found,
            names=() if error.nearest is None else (error.nearest,),
            nearest_to=error.nearest,
            next_step=error.next_step,
        )
        return None
