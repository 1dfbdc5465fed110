"""Events of single rows of a slice: what people decided about them, and what builds made of it."""

from collections.abc import Mapping
from enum import Enum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state.event import Event

_PREFIX = "quarantine/"


class Outcome(str, Enum):
    """What a published batch made of a row that was looked for among the delivered ones."""

    RELEASED = "released"  # valid, so published
    FAILING = "failing"  # in quarantine, under its old id
    DROPPED = "dropped"  # a rule removes it
    DISCARDED = "discarded"  # left out by decision
    GONE = "gone"  # no longer delivered


class HeldRow(BaseModel):
    """A row as the quarantine held it when somebody decided about it.

    Attributes:
        row_id: Its id.
        reasons: The rules it failed.
        payload: Its content as delivered; kept here, because the quarantine lets go of released and
            discarded rows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    row_id: str
    reasons: tuple[str, ...]
    payload: str


class CorrectedRow(BaseModel):
    """A row with values to put in place of delivered ones, as texts of the columns' types."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    row: HeldRow
    columns: Mapping[str, str | None]


class RowsFixed(Event):
    """Rows are to have other values from now on, whenever their slice is built."""

    kind: ClassVar[str] = "rows_fixed"

    rows: tuple[CorrectedRow, ...]
    who: str
    why: str


class RowsDiscarded(Event):
    """Rows are to be left out from now on, whenever their slice is built."""

    kind: ClassVar[str] = "rows_discarded"

    rows: tuple[HeldRow, ...]
    who: str
    why: str


class RowsReopened(Event):
    """What was decided about rows no longer stands."""

    kind: ClassVar[str] = "rows_reopened"

    row_ids: tuple[str, ...]
    who: str
    why: str


class RowsSettled(Event):
    """What a batch makes of rows; counts once the batch is published.

    Attributes:
        token: The claim of the batch.
        seen: Number of the last event of the stream that the batch took into account.
        outcomes: By row id: every row about which something was decided or settled before, and
            those that left the quarantine.
    """

    kind: ClassVar[str] = "rows_settled"

    token: str
    seen: int
    outcomes: Mapping[str, Outcome]


def row_stream(ref: TableRef, window: str) -> str:
    """Return the stream of the decisions about rows of a slice."""
    return f"{_PREFIX}{ref}/{window}"


def row_streams_of(owner: str) -> str:
    """Return what the names of all such streams of a use case start with."""
    return f"{_PREFIX}{owner}."


def slice_of_stream(stream: str) -> tuple[TableRef, str]:
    """Return the table and window of such a stream."""
    table, _, window = stream.removeprefix(_PREFIX).partition("/")
    return TableRef.parse(table), window
