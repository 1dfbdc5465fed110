"""The files of a workspace as users write them: project, use case, environment."""

from enum import Enum
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, Field, StringConstraints

from mlops_dagster.spec.base import (
    PATTERN_WORDS,
    ZERO_TIME,
    ChoiceError,
    FromText,
    Name,
    Owner,
    SpecModel,
    SpecVersion,
    Text,
    TimeSpan,
)
from mlops_dagster.spec.models import Model
from mlops_dagster.spec.tables import Layer, Table
from mlops_dagster.windows import Grain, WindowCalendar


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        expected = "a time zone of the IANA database such as 'Europe/Berlin'"
        raise ChoiceError(expected, tuple(available_timezones())) from error
    return value


class Windows(SpecModel):
    """The grain of a use case: which windows there are and when one is processed."""

    every: Literal["hour", "day", "week", "month"]
    first: str
    last: str | None = None
    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    close_after: TimeSpan = ZERO_TIME

    def calendar(self) -> WindowCalendar:
        """Return the arithmetic of these windows.

        Raises:
            ValueError: A key is not written as the grain writes it, or last lies before first.
        """
        return WindowCalendar(
            Grain(self.every), self.first, self.time_zone, self.last, self.close_after
        )


class AlertKind(str, Enum):
    """What an alert can be about."""

    DATA_FAULT = "data_fault"
    DRIFT = "drift"
    QUALITY = "quality"
    GATE_FAILED = "gate_failed"
    RETRAINING = "retraining"
    DELIVERY_REFUSED = "delivery_refused"
    LATE_DATA = "late_data"


LAYERS = tuple(layer.value for layer in Layer)
LAYER_NAME_PATTERN = rf"^({'|'.join(LAYERS)})\.[a-z][a-z0-9_]{{0,62}}$"
LayerName = Annotated[str, StringConstraints(pattern=LAYER_NAME_PATTERN)]
PATTERN_WORDS[LAYER_NAME_PATTERN] = (
    "'<layer>.<name>' with the layer bronze, silver, gold or features and a name of lower-case "
    "letters, digits and '_'"
)


class UseCase(SpecModel):
    """`use_cases/<name>/use_case.yaml`."""

    spec_version: SpecVersion
    name: Name
    description: Text | None = None
    owner: Owner | None = None
    windows: Windows | None = None
    tables: dict[LayerName, Table] = Field(min_length=1)
    models: dict[Name, Model] = Field(default_factory=dict)
    alerts: list[Annotated[AlertKind, FromText]] = Field(default_factory=list)


class Project(SpecModel):
    """`project.yaml`: the name of the project and the tables its use cases share."""

    spec_version: SpecVersion
    name: Name
    description: Text | None = None
    owner: Owner | None = None
    tables: dict[Name, Table] = Field(default_factory=dict)
