"""What a rule may demand, kind by kind; an entry of `rules` has exactly one of these keys."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from mlops_dagster.rules.personal import PersonalKind
from mlops_dagster.spec.base import Column, Expression, FromText, SpecModel, Text, TimeSpan
from mlops_dagster.spec.rule_demands import (
    Agreement,
    Bounded,
    Change,
    ColumnsDemand,
    Counterpart,
    Distribution,
    Forecast,
    Slots,
    Usual,
    UsualFailures,
)
from mlops_dagster.spec.rule_values import (
    Bounds,
    Case,
    Columns,
    JsonType,
    Lengths,
    Outlying,
    SeveralColumns,
    Share,
    TextFormat,
    Texts,
    Values,
    listed,
    only_true,
)

_GIVEN = Field(min_length=1)
Personal = Annotated[
    list[Annotated[PersonalKind, FromText]],
    BeforeValidator(listed, json_schema_input_type=str | list[str]),
    _GIVEN,
]


class RuleKinds(SpecModel):
    """The kinds of rules; each rule has one of these keys."""

    rule: Expression | None = Field(default=None, description="a text of the rule language")
    # Completeness.
    not_null: Columns | None = None
    not_blank: Columns | None = None
    not_empty: Columns | None = Field(default=None, description="lists with an entry")
    any_present: Columns | None = Field(default=None, description="one of these is not null")
    together: SeveralColumns | None = Field(default=None, description="all are null or none is")
    null_rate: Annotated[dict[Column, Share], _GIVEN] | None = Field(
        default=None, description="at most this share of nulls"
    )
    # Domain.
    one_of: Annotated[dict[Column, Values], _GIVEN] | None = None
    none_of: Annotated[dict[Column, Values], _GIVEN] | None = None
    between: Annotated[dict[Column, Bounds], _GIVEN] | None = Field(
        default=None, description="both ends included"
    )
    positive: Columns | None = None
    not_negative: Columns | None = None
    length: Annotated[dict[Column, Lengths], _GIVEN] | None = None
    decimals: Annotated[dict[Column, Annotated[int, Field(ge=0, le=15)]], _GIVEN] | None = None
    case: Annotated[dict[Column, Annotated[Case, FromText]], _GIVEN] | None = None
    # Format.
    matches: Annotated[dict[Column, Text], _GIVEN] | None = None
    format: Annotated[dict[Column, Annotated[TextFormat, FromText]], _GIVEN] | None = None
    date_format: Annotated[dict[Column, Text], _GIVEN] | None = None
    json_has: Annotated[dict[Column, Texts], _GIVEN] | None = None
    json_types: (
        Annotated[
            dict[
                Column,
                Annotated[dict[Text, Annotated[JsonType, FromText]], _GIVEN],
            ],
            _GIVEN,
        ]
        | None
    ) = None
    in_network: Annotated[dict[Column, Texts], _GIVEN] | None = None
    free_of: Annotated[dict[Column, Personal], _GIVEN] | None = Field(
        default=None, description="texts without personal data of these kinds"
    )
    # Several columns.
    different: Columns | None = None
    # Time.
    not_in_future: Columns | None = None
    age_at_most: Annotated[dict[Column, TimeSpan], _GIVEN] | None = None
    fresh: Annotated[dict[Column, TimeSpan], _GIVEN] | None = None
    no_gaps: Annotated[dict[Column, TimeSpan], _GIVEN] | None = None
    rows_each: Slots | None = None
    rising: Annotated[dict[Column, Column], _GIVEN] | None = Field(
        default=None, description="does not fall in the order of another column"
    )
    # Other rows, other tables.
    unique: Columns | None = None
    distinct_rows: Annotated[Literal[True], BeforeValidator(only_true)] | None = None
    distinct_rate: Annotated[dict[Column, Share], _GIVEN] | None = Field(
        default=None, description="at least this share of values is distinct"
    )
    references: Annotated[dict[Column, Text], _GIVEN] | None = None
    absent_from: Annotated[dict[Column, Text], _GIVEN] | None = None
    covers: Annotated[dict[Column, Text], _GIVEN] | None = None
    same_values: Annotated[dict[Column, Text], _GIVEN] | None = None
    same_rows: Counterpart | None = None
    # Statistics of the batch.
    statistic: Bounded | None = None
    outliers: Annotated[dict[Column, Outlying], _GIVEN] | None = None
    distribution: Distribution | None = None
    entropy: Annotated[dict[Column, Bounds], _GIVEN] | None = Field(
        default=None, description="in bits, both ends included"
    )
    # What the table is held against.
    columns: ColumnsDemand | None = None
    change: Change | None = None
    usual: Usual | None = None
    forecast: Forecast | None = None
    fails_as_usual: UsualFailures | None = None
    agrees: Agreement | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The keys of kinds that are given."""
        return tuple(name for name in KINDS if getattr(self, name) is not None)

    def title(self, kind: str) -> str:
        """Return what a rule of a kind is about: its columns, its statistic, or its text."""
        demand = getattr(self, kind)
        subject: list[str] = []
        match demand:
            case str():
                return demand
            case Distribution() | Slots():
                subject = [demand.column]
            case Bounded() | Change() | Usual() | Forecast() | Agreement():
                subject = [demand.of]
            case Counterpart():
                subject = [demand.input]
            case UsualFailures():
                subject = [demand.rule]
            case list() | dict():
                subject = list(demand)
        return " ".join([kind, *subject])

    @property
    def inputs(self) -> frozenset[str]:
        """The inputs of the table that the rule looks into."""
        named = {one.input for one in (self.agrees, self.same_rows) if one is not None}
        columns = (self.references, self.absent_from, self.covers, self.same_values)
        pointed = [text for found in columns for text in (found or {}).values()]
        if self.distribution is not None and self.distribution.as_in is not None:
            pointed.append(self.distribution.as_in)
        return frozenset({*named, *(text.partition(".")[0] for text in pointed)})


KINDS = tuple(RuleKinds.model_fields)

# The groups of kinds, as results are shown together where a table has many rules.
GROUPS: dict[str, tuple[str, ...]] = {
    "completeness": (
        "not_null",
        "not_blank",
        "not_empty",
        "any_present",
        "together",
        "null_rate",
    ),
    "domain": (
        "one_of",
        "none_of",
        "between",
        "positive",
        "not_negative",
        "length",
        "decimals",
        "case",
    ),
    "format": (
        "matches",
        "format",
        "date_format",
        "json_has",
        "json_types",
        "in_network",
        "free_of",
    ),
    "conditions": ("rule", "different"),
    "time": ("not_in_future", "age_at_most", "fresh", "no_gaps", "rows_each", "rising"),
    "uniqueness": ("unique", "distinct_rows", "distinct_rate"),
    "references": ("references", "absent_from", "covers", "same_values"),
    "statistics": ("statistic",),
    "distribution": ("outliers", "distribution", "entropy"),
    "columns": ("columns",),
    "history": ("change", "usual", "forecast", "fails_as_usual"),
    "comparison": ("agrees", "same_rows"),
}
GROUP_OF = {kind: group for group, kinds in GROUPS.items() for kind in kinds}
