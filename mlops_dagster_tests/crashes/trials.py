"""Trials of faults and what they lost: written to a file where somebody collects results."""

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from mlops_dagster_tests.crashes.outcome import Difference

# Names the file; without it a trial is only a test. Set by `python -m benchmarks.reliability`.
TRIALS_VARIABLE = "MLOPS_DAGSTER_TRIALS"

Kind = Literal["killed run", "killed process", "fault"]


class Trial(BaseModel):
    """One thing that went wrong on purpose, and what came of it.

    Attributes:
        kind: What went wrong.
        what: The point or fault.
        about: What it was about.
        then: What the user sees and what follows.
        lost: Things that an undisturbed life has and this one lacks.
        duplicated: Things that this one has more often.
        changed: Things that differ.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    what: str
    about: str
    then: str
    lost: int = 0
    duplicated: int = 0
    changed: int = 0


def tell_trial(
    kind: Kind, what: str, *, about: str, then: str, found: Difference | None = None
) -> None:
    """Write a trial that was made down, if results are collected.

    Args:
        kind: What went wrong.
        what: The point or fault.
        about: What it was about.
        then: What the user sees and what follows.
        found: What the life lacks or has too much of; None if a test of its own compared it.
    """
    file = os.environ.get(TRIALS_VARIABLE)
    if not file:
        return
    compared = found or Difference()
    trial = Trial(
        kind=kind,
        what=what,
        about=about,
        then=then,
        lost=len(compared.lost),
        duplicated=len(compared.duplicated),
        changed=len(compared.changed),
    )
    with Path(file).open("a", encoding="utf-8") as lines:
        lines.write(trial.model_dump_json() + "\n")
