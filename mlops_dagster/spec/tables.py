"""What users write about a table: where its rows come from, its key and times, its rules."""

from enum import Enum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from mlops_dagster.spec.base import (
    AnyDuration,
    Column,
    Expression,
    FromText,
    Name,
    Owner,
    Severity,
    SpecModel,
    Text,
    TimeSpan,
)
from mlops_dagster.spec.connections import TableSource
from mlops_dagster.spec.rule_kinds import RuleKinds
from mlops_dagster.spec.rule_values import Columns


class Layer(str, Enum):
    """Where a table stands on its way; also the second part of its asset key."""

    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"
    FEATURES = "features"


class OnFail(str, Enum):
    """What becomes of a row (or of the batch, for `stop`) that fails a rule."""

    RECORD = "record"
    DROP = "drop"
    QUARANTINE = "quarantine"
    STOP = "stop"


class UnknownPolicy(str, Enum):
    """What a rule that evaluates to null counts as."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"


class Rule(RuleKinds):
    """One rule: one of the kinds, and what follows from it. A bare text stands for `{rule: text}`.

    A rule without aggregates is about rows; with aggregates (`row_count`, `mean(x)`, ...) or
    `column_count` it is about the data set, and failing it refuses the batch. With `by` it is about
    the rows of each group.
    """

    by: Columns | None = Field(default=None, description="a statistic of each group of these")
    name: Name | None = None
    description: Text | None = None
    owner: Owner | None = None
    tags: dict[Name, Text] = Field(default_factory=dict)
    severity: Annotated[Severity, FromText] = Severity.ERROR
    on_fail: Annotated[OnFail, FromText] | None = Field(
        default=None, description="rows: quarantine unless said otherwise; data sets: stop"
    )
    when: Expression | None = Field(default=None, description="only rows for which this is true")
    warn_if: Expression | None = Field(default=None, description="'> 1 %' or '> 100' failing rows")
    fail_if: Expression | None = Field(default=None, description="refuse the batch: '> 10 %'")
    unknown: Annotated[UnknownPolicy, FromText] = UnknownPolicy.FAIL


def _rule(value: object) -> object:
    if isinstance(value, str):
        return {"rule": value}
    if isinstance(value, (dict, Rule)):
        return value
    raise ValueError("a rule such as 'distance > 0', or a mapping with a kind of rule")


RuleEntry = Annotated[Rule, BeforeValidator(_rule, json_schema_input_type=str | Rule)]


class Input(SpecModel):
    """A table that a SQL file or hook reads. A bare text is the short form of `{table: text}`."""

    table: Expression = Field(description="'layer.name', 'project.name' or 'use_case.layer.name'")
    back: AnyDuration | None = Field(default=None, description="how far before its window it reads")
    until: Literal["start", "end"] | None = Field(
        default=None,
        description=(
            "where reading ends: the window's start or end; default end, "
            "start for tables of the open job"
        ),
    )


def _input(value: object) -> object:
    if isinstance(value, str):
        return {"table": value}
    if isinstance(value, (dict, Input)):
        return value
    raise ValueError("a table such as 'bronze.flights', or a mapping with the key table")


InputEntry = Annotated[Input, BeforeValidator(_input, json_schema_input_type=str | Input)]


class Freshness(SpecModel):
    """How often a table is built: the one promise that the clock on the wall decides."""

    within: TimeSpan = Field(description="built again no later than this")
    warn_after: TimeSpan | None = Field(default=None, description="less than within: a warning")


def _freshness(value: object) -> object:
    if isinstance(value, str):
        return {"within": value}
    if isinstance(value, (dict, Freshness)):
        return value
    raise ValueError("a time span such as '2 days', or a mapping with the key within")


FreshnessEntry = Annotated[
    Freshness, BeforeValidator(_freshness, json_schema_input_type=str | Freshness)
]


class Table(SpecModel):
    """A table; its rows come from `files`, a `source`, a `hook`, its SQL file, or are kept."""

    description: Text | None = None
    owner: Owner | None = None
    tags: dict[Name, Text] = Field(default_factory=dict)
    files: Text | None = Field(
        default=None,
        description="path below the landing folder; '{window}' makes one partition a window",
    )
    window_by: Column | None = Field(
        default=None, description="files hold rows of several windows: the event time says which"
    )
    nulls: list[Text] = Field(default_factory=list, description="texts in files that mean null")
    row_number: Column | None = Field(
        default=None, description="a column made of each record's place in its files, from 1"
    )
    watch: bool = Field(
        default=False, description="a sensor looks at the files and asks for runs of what changed"
    )
    lateness: TimeSpan | None = Field(
        default=None, description="how long after its close a changed file re-opens its window"
    )
    source: TableSource | None = Field(
        default=None, description="a table that something else keeps"
    )
    evolve: Literal["additive"] | None = Field(
        default=None, description="columns that the contract lacks are added to it; none: refused"
    )
    hook: Name | None = Field(default=None, description="a @transform of hooks.py")
    keep: Literal["latest", "history"] | None = Field(
        default=None,
        description="of its input: the newest row of each key, or all versions with their validity",
    )
    inputs: dict[Name, InputEntry] = Field(default_factory=dict)
    key: list[Column] = Field(default_factory=list)
    event_time: Column | None = None
    known_at: Column | None = None
    valid_for: TimeSpan | None = None
    forecast: bool = Field(
        default=False,
        description="rows are about times to come: a join takes what was said of the row's own",
    )
    rules: list[RuleEntry] = Field(default_factory=list)
    freshness: FreshnessEntry | None = Field(default=None, description="how often it is built")
    export: bool = False

    @property
    def inputs_of_rules(self) -> frozenset[str]:
        """The inputs that rules look into."""
        return frozenset().union(*(rule.inputs for rule in self.rules))
