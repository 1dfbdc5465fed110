"""Kinds of values: what may be compared and computed with what."""

import re
from enum import Enum


class Kind(Enum):
    """A family of types that mix freely; values of two kinds are never compared."""

    BOOLEAN = "true or false"
    NUMBER = "a number"
    TEXT = "a text"
    DATE = "a date"
    TIMESTAMP = "a timestamp"
    INTERVAL = "a length of time"
    CALENDAR_INTERVAL = "a number of months"
    COLLECTION = "a list or mapping"
    OTHER = "a value of a type that rules cannot look into"

    @property
    def is_time(self) -> bool:
        """True for dates and timestamps, which may be compared with each other."""
        return self in (Kind.DATE, Kind.TIMESTAMP)


_KINDS = {
    "boolean": Kind.BOOLEAN,
    "tinyint": Kind.NUMBER,
    "smallint": Kind.NUMBER,
    "int": Kind.NUMBER,
    "integer": Kind.NUMBER,
    "bigint": Kind.NUMBER,
    "float": Kind.NUMBER,
    "double": Kind.NUMBER,
    "decimal": Kind.NUMBER,
    "string": Kind.TEXT,
    "varchar": Kind.TEXT,
    "char": Kind.TEXT,
    "date": Kind.DATE,
    "timestamp": Kind.TIMESTAMP,
    "timestamp_ntz": Kind.TIMESTAMP,
    "array": Kind.COLLECTION,
    "map": Kind.COLLECTION,
}


def kind_of_type(spark_type: str) -> Kind:
    """Return the kind of a Spark type given by its simple name, such as `decimal(10,2)`."""
    name = re.split(r"[(<]", spark_type.strip().lower(), maxsplit=1)[0].strip()
    if name.startswith("interval "):
        calendar = name.split()[1] in ("year", "month")
        return Kind.CALENDAR_INTERVAL if calendar else Kind.INTERVAL
    return _KINDS.get(name, Kind.OTHER)


def comparable(left: Kind, right: Kind) -> bool:
    """Tell whether values of two kinds have an order that Spark and plain Python agree on."""
    if {left, right} & {Kind.OTHER, Kind.COLLECTION, Kind.CALENDAR_INTERVAL}:
        return False
    return left is right or (left.is_time and right.is_time)
