"""The functions of the rule language, as data. What is not listed here does not exist."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from mlops_dagster.rules.kinds import Kind
from mlops_dagster.rules.nodes import AggregateName, MomentName


class Takes(Enum):
    """What an argument must be."""

    NUMBER = "a number"
    DIGITS = "a whole number from 0 to 15, written out"
    SECONDS = "a whole number of seconds above 0, written out"
    TEXT = "a text"
    COLLECTION = "a list or mapping"
    FORM = "a form of dates such as 'dd.MM.yyyy', written out"
    KEY = "the name of a key, written out"
    PATH_KEY = "the name of a key without '?', backslashes or both kinds of quotes, written out"
    NETWORK = "an IPv4 network such as '10.0.0.0/8', written out"
    PERSONAL = "'email', 'phone' or 'card', written out"
    TIME = "a date or timestamp"
    SAME = "values of one kind"


@dataclass(frozen=True)
class Signature:
    """A scalar function.

    Args:
        takes: What each argument must be.
        result: The kind of the value; None when it is that of the arguments.
        optional: How many of the last arguments may be left out.
        more: Whether the last argument may be repeated.
    """

    takes: tuple[Takes, ...]
    result: Kind | None
    optional: int = 0
    more: bool = False

    def accepts(self, count: int) -> bool:
        """Tell whether the function can be called with this many arguments."""
        return len(self.takes) - self.optional <= count and (self.more or count <= len(self.takes))

    def taken(self, position: int) -> Takes:
        """Return what the argument at a position (from 0) must be."""
        return self.takes[min(position, len(self.takes) - 1)]


_TIME_PART = Signature((Takes.TIME,), Kind.NUMBER)
_FORM = Signature((Takes.TEXT,), Kind.BOOLEAN)
_SAME = Signature((Takes.SAME, Takes.SAME), None, more=True)

SCALARS: Mapping[str, Signature] = {
    "abs": Signature((Takes.NUMBER,), Kind.NUMBER),
    "round": Signature((Takes.NUMBER, Takes.DIGITS), Kind.NUMBER, optional=1),
    "floor": Signature((Takes.NUMBER,), Kind.NUMBER),
    "ceil": Signature((Takes.NUMBER,), Kind.NUMBER),
    "sqrt": Signature((Takes.NUMBER,), Kind.NUMBER),
    "ln": Signature((Takes.NUMBER,), Kind.NUMBER),
    "isnan": Signature((Takes.NUMBER,), Kind.BOOLEAN),
    "lower": Signature((Takes.TEXT,), Kind.TEXT),
    "upper": Signature((Takes.TEXT,), Kind.TEXT),
    "trim": Signature((Takes.TEXT,), Kind.TEXT),
    "length": Signature((Takes.TEXT,), Kind.NUMBER),
    "is_date": Signature((Takes.TEXT,), Kind.BOOLEAN),
    "is_timestamp": Signature((Takes.TEXT,), Kind.BOOLEAN),
    "is_date_as": Signature((Takes.TEXT, Takes.FORM), Kind.BOOLEAN),
    "is_json": _FORM,
    "json_has": Signature((Takes.TEXT, Takes.KEY), Kind.BOOLEAN, more=True),
    "json_type": Signature((Takes.TEXT, Takes.PATH_KEY), Kind.TEXT),
    "is_ipv4": _FORM,
    "is_ipv6": _FORM,
    "is_network": _FORM,
    "in_network": Signature((Takes.TEXT, Takes.NETWORK), Kind.BOOLEAN),
    "is_iban": _FORM,
    "is_luhn": _FORM,
    "is_country": _FORM,
    "is_country_3": _FORM,
    "is_currency": _FORM,
    "is_language": _FORM,
    "mentions": Signature((Takes.TEXT, Takes.PERSONAL), Kind.BOOLEAN),
    "size": Signature((Takes.COLLECTION,), Kind.NUMBER),
    "coalesce": _SAME,
    "least": _SAME,
    "greatest": _SAME,
    "year": _TIME_PART,
    "quarter": _TIME_PART,
    "month": _TIME_PART,
    "day": _TIME_PART,
    "weekday": _TIME_PART,
    "hour": _TIME_PART,
    "minute": _TIME_PART,
    "second": _TIME_PART,
    "date": Signature((Takes.TIME,), Kind.DATE),
    "date_diff": Signature((Takes.TIME, Takes.TIME), Kind.NUMBER),
    "slot": Signature((Takes.TIME, Takes.SECONDS), Kind.NUMBER),
}

SCALAR_ALIASES: Mapping[str, str] = {
    "ceiling": "ceil",
    "char_length": "length",
    "len": "length",
    "is_nan": "isnan",
    "dayofmonth": "day",
    "to_date": "date",
    "datediff": "date_diff",
}

MOMENTS: Mapping[str, MomentName] = {moment.value: moment for moment in MomentName}

TEXT_TESTS = ("contains", "startswith", "endswith")

# Aggregates of one argument; row_count, column_count, quantile and corr have their own forms.
AGGREGATES: Mapping[str, AggregateName] = {
    "count": "count",
    "count_if": "count_if",
    "share": "share",
    "mean": "mean",
    "avg": "mean",
    "sum": "sum",
    "min": "min",
    "max": "max",
    "stddev": "stddev",
    "stddev_samp": "stddev",
    "variance": "variance",
    "var_samp": "variance",
    "skewness": "skewness",
    "kurtosis": "kurtosis",
    "distinct_count": "distinct_count",
    "count_distinct": "distinct_count",
    "approx_distinct_count": "approx_distinct_count",
    "approx_count_distinct": "approx_distinct_count",
    "mode": "mode",
    "corr": "corr",
    "null_rate": "null_rate",
    "quantile": "quantile",
    "percentile": "quantile",
    "median": "quantile",
}

BARE_AGGREGATES: Mapping[str, AggregateName] = {
    "row_count": "row_count",
    "column_count": "column_count",
}

# Plural unit names, as Spark's make_interval calls its arguments.
INTERVAL_ARGUMENTS = ("years", "months", "weeks", "days", "hours", "mins", "secs")

KNOWN_NAMES = frozenset(
    {
        *SCALARS,
        *SCALAR_ALIASES,
        *MOMENTS,
        *TEXT_TESTS,
        *AGGREGATES,
        *BARE_AGGREGATES,
        "make_interval",
    }
)
