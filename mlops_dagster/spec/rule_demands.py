"""Demands of several keys: on columns, on distributions, against history and other tables."""

from typing import Annotated, Literal

from pydantic import Field

from mlops_dagster.spec.base import (
    Column,
    Expression,
    FromText,
    Name,
    SpecModel,
    Text,
    TimeSpan,
    WindowCount,
)
from mlops_dagster.spec.rule_values import ColumnPairs, Columns, Distance, Tolerance, Within
from mlops_dagster.windows import Duration, DurationUnit


class ColumnsDemand(SpecModel):
    """What the columns of a table must be; looked at before any row is read."""

    have: list[Column] = Field(default_factory=list, description="must be there")
    lack: list[Column] = Field(default_factory=list, description="must not be there")
    are: list[Column] | None = Field(default=None, description="all columns, in any order")
    match: Text | None = Field(default=None, description="every name matches this pattern")
    in_order: bool = Field(default=False, description="`have` is all columns, in this order")
    types: dict[Column, Text] | None = Field(default=None, description="are of just this type")
    fits: dict[Column, Text] | None = Field(
        default=None, description="are of a type that widens into this one without loss"
    )


class Bounded(SpecModel):
    """A statistic within bounds, both included."""

    of: Expression = Field(description="a statistic such as row_count or mean(amount)")
    at_least: float | None = None
    at_most: float | None = None


class Distribution(SpecModel):
    """How the values of a column are spread: at most so far from the shares expected.

    What is expected is written out, or found in a column of an input. With f the shares found and e
    those expected, shares below 0.0001 taken as that in ratios:

    - total variation: half the sum of |f - e|, from 0 to 1;
    - population stability index: sum of (f - e) ln(f / e); 0.1 is a small shift, 0.25 a large one
      (Siddiqi, Credit Risk Scorecards, 2006);
    - kl: sum of f ln(f / e), the Kullback-Leibler divergence in nats;
    - chi_square: sum of (f - e)^2 / e, the statistic of the test divided by the number of rows,
      so that it does not grow with them (Cohen's w, squared; 0.01 is small, 0.25 large);
    - ks: the largest difference of the two distribution functions at the edges of bins.
    """

    column: Column
    expected: dict[Text, float] = Field(
        default_factory=dict, description="shares by value, of a column of texts"
    )
    edges: list[float] = Field(
        default_factory=list, description="ends of bins, of a column of numbers"
    )
    shares: list[float] = Field(
        default_factory=list, description="shares of the bins: below the first edge, ..., above"
    )
    as_in: Text | None = Field(
        default=None, description="'input.column' whose values are spread as expected"
    )
    bins: Annotated[int, Field(ge=2, le=20)] | None = Field(
        default=None, description="with as_in: how many; none: 10"
    )
    distance: Annotated[Distance, FromText] = Distance.TOTAL_VARIATION
    at_most: Annotated[float, Field(gt=0)]


# Which earlier windows a batch is held against: those of its own weekday, by the hour also of its
# own hour, since traffic and the like have a rhythm of a week.
Same = Literal["weekday"]


class Change(SpecModel):
    """A statistic against that of the batch published before."""

    of: Expression = Field(description="a statistic such as row_count or mean(amount)")
    at_most: Within = Field(description="'50 %' of the earlier value, or a number")
    same: Same | None = Field(
        default=None, description="'weekday': that of the same weekday (and hour) a week before"
    )


class Usual(SpecModel):
    """A statistic against those of the batches published before: mean and standard deviation."""

    of: Expression = Field(description="a statistic such as row_count or mean(amount)")
    sigma: Annotated[float, Field(gt=0)] = 3.0
    last: WindowCount = Duration(12, DurationUnit.WINDOW)
    at_least: WindowCount = Field(
        default=Duration(4, DurationUnit.WINDOW), description="with fewer the rule passes"
    )
    same: Same | None = Field(
        default=None, description="'weekday': only those of the same weekday (and hour)"
    )


class Forecast(SpecModel):
    """A statistic against what a forecast made of the batches published before.

    The forecast is that of Holt and Winters, with an additive season where there is one.
    """

    of: Expression = Field(description="a statistic such as row_count or mean(amount)")
    season: WindowCount | None = Field(
        default=None, description="after so many it goes as it went: 7 windows of a day; none: none"
    )
    sigma: Annotated[float, Field(gt=0)] = 4.0
    last: WindowCount = Duration(60, DurationUnit.WINDOW)
    at_least: WindowCount = Field(
        default=Duration(12, DurationUnit.WINDOW), description="with fewer the rule passes"
    )


class UsualFailures(SpecModel):
    """The share of rows that fail another rule against those of batches before: no more than usual.

    Fewer failing rows than usual are no fault.
    """

    rule: Name = Field(description="the name of a rule about rows of this table")
    sigma: Annotated[float, Field(gt=0)] = 3.0
    last: WindowCount = Duration(12, DurationUnit.WINDOW)
    at_least: WindowCount = Field(
        default=Duration(4, DurationUnit.WINDOW), description="with fewer the rule passes"
    )


class Agreement(SpecModel):
    """A statistic of this table against one of a table that it reads."""

    of: Expression = Field(description="a statistic of this table")
    input: Name = Field(description="the input it is compared with")
    its: Expression | None = Field(default=None, description="its statistic; none: the same")
    within: Within = Tolerance(value=0.0, relative=False)
    by: Columns | None = Field(
        default=None, description="for each group of these columns, which both tables have"
    )


class Slots(SpecModel):
    """How many rows each slot of the window has: every hour at least three, say."""

    column: Column = Field(description="a time")
    every: TimeSpan = Field(description="the length of a slot")
    at_least: Annotated[int, Field(ge=1)] = 1
    by: Columns | None = Field(default=None, description="for each group of these columns")


class Counterpart(SpecModel):
    """Rows against those of an input: the row with the same key has the same values."""

    input: Name = Field(description="the input that has the other rows")
    key: ColumnPairs = Field(description="columns that name the row: mine, or {mine: theirs}")
    columns: ColumnPairs = Field(description="columns that must agree: mine, or {mine: theirs}")
    within: Within = Tolerance(value=0.0, relative=False)
