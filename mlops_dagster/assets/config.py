"""What may be chosen for one run in the launchpad. Everything else is YAML."""

import dagster as dg
from pydantic import ConfigDict, Field


class TrainingRun(dg.Config):
    """Choices of one training. They are recorded with the attempt.

    A run that overrides data or gates is an experiment: it is marked so, and never promoted.
    """

    model_config = ConfigDict(extra="forbid")

    seed: int | None = Field(default=None, description="instead of the seed in the YAML")
    reason: str = Field(default="", description="why this training was started by hand")
    max_rows: int | None = Field(
        default=None,
        ge=1,
        description="an experiment: train on at most so many rows, the same ones each time",
    )
    ignore_gates: bool = Field(
        default=False, description="an experiment: register the model whatever its gates say"
    )


class TableRun(dg.Config):
    """Choices of one run of a table without windows. They are recorded with the batch."""

    model_config = ConfigDict(extra="forbid")

    force: bool = Field(
        default=False,
        description="write the rows again, though equal ones are published: after files of the "
        "table were lost or damaged",
    )
