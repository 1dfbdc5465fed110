"""Texts to typed columns, and the types that texts suggest.

Both sides go by the same texts, so that a text whose type was inferred is always read. An instant
without an offset is meant in UTC; a date stays a date.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from mlops_dagster.data.delivery import IS_UNREADABLE, RAW
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.engine.transfer import one_row
from mlops_dagster.rules import time_columns
from mlops_dagster.rules.time_texts import day_of, instant_of
from mlops_dagster.tables.folding import any_of

INTEGER = r"[+-]?[0-9]{1,19}"
NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?|[+-]?(inf|Infinity)|NaN|nan"
BOOLEAN = r"[tT]rue|[fF]alse|TRUE|FALSE"

# What a type looks like in a text.
_LOOKS = {
    "tinyint": INTEGER,
    "smallint": INTEGER,
    "int": INTEGER,
    "bigint": INTEGER,
    "float": NUMBER,
    "double": NUMBER,
    "decimal": NUMBER,
    "boolean": BOOLEAN,
}
_TIMES: Mapping[str, Callable[[Column], Column]] = {
    "date": time_columns.day_of,
    "timestamp": time_columns.instant_of,
    "timestamp_ntz": time_columns.local_time_of,
}
_NESTED = ("array", "map", "struct")
# A code such as 00501 is no number: its zeros would be lost. Neither is what bigint cannot hold.
_CODE = re.compile(r"[+-]?0[0-9]+")
_LARGEST = 2**63 - 1
_INTEGER, _NUMBER, _BOOLEAN = map(re.compile, (INTEGER, NUMBER, BOOLEAN))


def typed_rows(
    texts: DataFrame,
    types: Mapping[str, str],
    *,
    nulls: Sequence[str],
    row_number: str | None = None,
    keep: Sequence[str] = (),
) -> DataFrame:
    """Return rows of texts as rows of typed columns, with IS_UNREADABLE and RAW beside them.

    Args:
        texts: The columns as strings, and RAW: the record where it is malformed, else null.
        types: Spark's type names by column.
        nulls: Texts that mean null; the empty text always does.
        row_number: The one of the columns that is a number already.
        keep: Further columns that stay as they are.
    """
    values = _values(types, nulls)
    read = {name: read_text(values[name], kind) for name, kind in types.items()}
    if row_number is not None:
        values[row_number] = read[row_number] = F.col(quote(row_number))
    unread = [values[name].isNotNull() & read[name].isNull() for name in values]
    unreadable = any_of([F.col(RAW).isNotNull(), *unread])
    row = F.to_json(
        F.struct(*(F.col(quote(name)) for name in values)), {"ignoreNullFields": "false"}
    )
    return texts.select(
        *(column.alias(name) for name, column in read.items()),
        unreadable.alias(IS_UNREADABLE),
        F.when(unreadable, F.coalesce(F.col(RAW), row)).alias(RAW),
        *(F.col(quote(name)) for name in keep),
    )


def text_counts(
    texts: DataFrame, types: Mapping[str, str], *, nulls: Sequence[str]
) -> list[tuple[str, int, int, str]]:
    """Return for each column with unreadable texts: name, texts, unreadable ones, an example.

    Arguments as `typed_rows`; malformed records do not count.
    """
    values = _values(types, nulls)
    whole = texts.where(F.col(RAW).isNull())
    aggregates = []
    for place, (name, kind) in enumerate(types.items()):
        unread = F.when(read_text(values[name], kind).isNull(), values[name])
        aggregates += [
            F.count(values[name]).alias(f"texts{place}"),
            F.count(unread).alias(f"unread{place}"),
            F.min(unread).alias(f"example{place}"),
        ]
    row = one_row(whole.agg(*aggregates), what="counts of texts")
    counted = [
        (name, int(row[f"texts{n}"]), int(row[f"unread{n}"]), str(row[f"example{n}"]))
        for n, name in enumerate(types)
    ]
    return [column for column in counted if column[2] > 0]


def read_text(text: Column, kind: str) -> Column:
    """Return texts as values of a type; null where a text does not look like one."""
    name = re.split(r"[(<]", kind, maxsplit=1)[0]
    if name in _NESTED:
        return F.from_json(text, kind)
    # Spark's own cast is wider than a reader expects: '05:00' is a time of today, '1d' a number.
    if name in _TIMES:
        return _TIMES[name](F.trim(text))
    if name not in _LOOKS:
        return text.cast(kind)
    return F.when(time_columns.is_wholly(F.trim(text), _LOOKS[name]), text.try_cast(kind))


def _is_integer(text: str) -> bool:
    return (
        _INTEGER.fullmatch(text) is not None and not _is_code(text) and abs(int(text)) <= _LARGEST
    )


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None and not _is_code(text)


def _is_code(text: str) -> bool:
    return _CODE.fullmatch(text) is not None


class TypeGuess:
    """The type that fits all texts so far: bigint, double, date, timestamp, boolean or string."""

    # Narrow before wide: an integer is a number, a date the start of an instant.
    _ORDER: tuple[tuple[str, Callable[[str], bool]], ...] = (
        ("bigint", _is_integer),
        ("double", _is_number),
        ("date", lambda text: day_of(text) is not None),
        ("timestamp", lambda text: instant_of(text) is not None),
        ("boolean", lambda text: _BOOLEAN.fullmatch(text) is not None),
    )

    def __init__(self) -> None:
        self._left = list(self._ORDER)
        self._seen = False

    def see(self, texts: Iterable[str]) -> None:
        """Take texts into account; nulls are left out by the caller."""
        for text in texts:
            if not self._left:
                return
            # After the first text one chain is left, bigint and double or date and timestamp, and
            # what fits its narrow type fits the wide one.
            if not self._seen or not self._left[0][1](text):
                self._left = [(kind, fits) for kind, fits in self._left if fits(text)]
            self._seen = True

    @property
    def type(self) -> str:
        """The narrowest type that fits; `string` when none does or nothing was seen."""
        return self._left[0][0] if self._seen and self._left else "string"


def _values(types: Mapping[str, str], nulls: Sequence[str]) -> dict[str, Column]:
    missing = ["", *nulls]
    return {name: F.when(~F.col(quote(name)).isin(missing), F.col(quote(name))) for name in types}
