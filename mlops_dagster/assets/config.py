"""What may be chosen for one run in the launchpad. Everything else is YAML."""

import dagster as dg
from pydantic import ConfigDict, Field


class TrainingRun(dg.Config):
    """Choices of one training. They are recorded with the attempt."""

    model_config = ConfigDict(extra="forbid")

    seed: int | None = Field(default=None, description="instead of the seed in the YAML")
    reason: str = Field(default="", description="why this training was started by hand")
