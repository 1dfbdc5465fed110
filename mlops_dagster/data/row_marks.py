"""Marks: a cheap hash by which a row is seen to be none of a few rows, without making its JSON.

Rows of one content have one mark; that two of one mark have one content is for their keys to say
(`row_ids.py`). A mark is made anew from a row's content for each build, so none is ever kept that
another contract, release or engine would make in another way.
"""

import json
import re
from collections.abc import Collection, Mapping

from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.data.contracts import ddl_of
from mlops_dagster.data.delivery import PREFIX, RAW, Delivery
from mlops_dagster.data.row_ids import PAYLOAD_FORMS
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.engine.transfer import LOCAL_RELATION_BYTES, few_rows

_ROW = f"{PREFIX}row"
# What bytes that are no UTF-8 become in JSON: then the text does not say which they were.
_REPLACED = "\ufffd"
_TIME = re.compile(r"[+-]?\d{4,}-\d\d-\d\d(T[\d:.]+Z?)?")
_NOT_FINITE = ("NaN", "Infinity", "-Infinity")
_WHOLE = ("tinyint", "smallint", "int", "bigint")
_REAL = ("float", "double")
_NUMBERS = (*_WHOLE, *_REAL, "decimal")
_TIMES = ("date", "timestamp", "timestamp_ntz")
# Of these types, two values that are the same JSON are the same to Spark's hash, and a value that
# is read from its JSON is the one it was. Maps have no hash; other columns just do not count.
_MARKED = (*_NUMBERS, *_TIMES, "boolean", "string")
# What Spark's reader of JSON refuses by its type, or takes for a plain text.
_REFUSED = re.compile(r"map<(?!string,)|\bvariant\b")
_SIZED = re.compile(r"\b(var)?char\([0-9]+\)")


def mark_of(delivery: Delivery) -> Column | None:
    """Return the mark (bigint) of a delivered row; None where no column can count."""
    values = [
        F.col(quote(name)).cast(kind)
        for name, kind in delivery.contract.types.items()
        if _is_marked(kind)
    ]
    if not values:
        return None
    mark = F.xxhash64(*values)
    if not delivery.has_records:
        return mark
    record = F.col(RAW)
    return F.when(record.isNotNull(), F.xxhash64(record)).otherwise(mark)


def marks_of(
    session: SparkSession, delivery: Delivery, contents: Collection[str]
) -> frozenset[int] | None:
    """Return the marks of all rows that a delivery can have with these contents.

    None where that is not certain, so that any row may be one of them: a content does not read as
    the values that it was made of, or a column cannot be read from JSON. Costs a query over the
    contents.

    Args:
        session: A Spark session.
        delivery: The delivery.
        contents: As `payload_of` makes them.
    """
    distinct = sorted(set(contents))
    size = sum(len(content.encode()) for content in distinct)
    if size > LOCAL_RELATION_BYTES or any(_REPLACED in content for content in distinct):
        return None
    schema = _SIZED.sub("string", ddl_of(delivery.contract))
    if _REFUSED.search(schema):
        return None
    types = delivery.contract.types
    asked = [(content, may_be_row(content, types)) for content in distinct]
    row = F.col(_ROW)
    values = [row[name] for name, kind in types.items() if _is_marked(kind)]
    rows = few_rows(
        session.createDataFrame(asked, "content string, is_row boolean")
        .withColumn(_ROW, F.from_json("content", schema, PAYLOAD_FORMS))
        .select(
            "is_row",
            (F.to_json(row, PAYLOAD_FORMS) == F.col("content")).alias("is_read"),
            F.xxhash64(*values).alias("of_row"),
            F.xxhash64("content").alias("of_record"),
        ),
        what="marks of rows",
        at_most=len(asked),
    )
    if any(one["is_row"] and not one["is_read"] for one in rows):
        return None
    marks = {int(one["of_row"]) for one in rows if one["is_row"]}
    if delivery.has_records:
        marks |= {int(one["of_record"]) for one in rows}
    return frozenset(marks)


def may_be_row(content: str, types: Mapping[str, str]) -> bool:
    """Tell whether a row with columns of these types can have this content. Pure.

    It cannot where the content is the record of a text that was unreadable, or a row from before
    the contract had a column.
    """
    try:
        pairs = json.loads(content, object_pairs_hook=list)
    except RecursionError:
        return True
    except ValueError:
        return False
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs):
        return False
    if [str(name).lower() for name, _ in pairs] != [name.lower() for name in types]:
        return False
    return all(_may_be(value, kind) for (_, value), kind in zip(pairs, types.values(), strict=True))


def _may_be(value: object, kind: str) -> bool:
    name = _name(kind)
    if value is None:
        return True
    if name == "boolean":
        return isinstance(value, bool)
    if name in _NUMBERS:
        finite = isinstance(value, int if name in _WHOLE else int | float)
        return (finite and not isinstance(value, bool)) or (name in _REAL and value in _NOT_FINITE)
    if name in _TIMES:
        return isinstance(value, str) and _TIME.fullmatch(value) is not None
    return isinstance(value, str) if name == "string" else True


def _is_marked(kind: str) -> bool:
    return _name(kind) in _MARKED


def _name(kind: str) -> str:
    return re.split(r"[(<]", kind, maxsplit=1)[0].strip()
