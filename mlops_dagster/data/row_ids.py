"""Identity of a delivered row: a hash of table, window and content, numbered among equal rows.

Content is what was delivered, before any correction, so a row keeps its id through corrections,
retries, back-fills and deliveries of the same record.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

from mlops_dagster.data.delivery import RAW, Delivery
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.spec.refs import TableRef

# 64 bits: in a slice of a million rows two of them meet once in 37 million slices.
KEY_LENGTH = 16
# Instants with all their digits: Spark's own form stops at milliseconds.
PAYLOAD_FORMS = {
    "ignoreNullFields": "false",
    "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss[.SSSSSS]XXX",
    "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss[.SSSSSS]",
    "timeZone": "UTC",
}


def payload_of(delivery: Delivery) -> Column:
    """Return a row's content: the record as it stood where that is unreadable, else JSON."""
    row = F.to_json(F.struct(*(F.col(quote(name)) for name in delivery.columns)), PAYLOAD_FORMS)
    return F.coalesce(F.col(RAW), row) if delivery.has_records else row


def row_key(ref: TableRef, window: str, payload: Column) -> Column:
    """Return what the ids of rows with this content begin with."""
    identity = F.concat_ws("\n", F.lit(str(ref)), F.lit(window), payload)
    return F.substring(F.sha2(identity, 256), 1, KEY_LENGTH)


def row_id(key: Column, number: Column) -> Column:
    """Return the id of the row with this number, from 1, among the rows with this key."""
    return F.when(number == 1, key).otherwise(F.concat_ws("-", key, number.cast("string")))


def id_of(key: str, number: int) -> str:
    """Return what `row_id` does, of one row."""
    return key if number == 1 else f"{key}-{number}"


def key_of(identity: str) -> str:
    """Return the key of an id."""
    return identity.partition("-")[0]
