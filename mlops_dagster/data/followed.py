"""Following single rows through a build: corrections put in place, discarded rows left out.

A build follows the rows about which a decision stands, and no others: those that are only watched
(`whereabouts.py`) go through as they were, so a slice without such decisions costs nothing more.
"""

from dataclasses import dataclass, replace

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import Window as Over
from pyspark.sql import functions as F

from mlops_dagster.data.correction_values import check_correction, correctable_types
from mlops_dagster.data.delivery import ORIGINAL, PREFIX, RAW, ROW_ID, Delivery
from mlops_dagster.data.quarantine import HeldBefore
from mlops_dagster.data.row_ids import key_of, payload_of, row_id, row_key
from mlops_dagster.data.row_ledger import RowLedger
from mlops_dagster.data.row_marks import mark_of, marks_of
from mlops_dagster.data.typed import read_text, typed_rows
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.engine.transfer import few_rows
from mlops_dagster.spec.workspace import ResolvedTable

_KEY = f"{PREFIX}key"
_MARK = f"{PREFIX}mark"
_TEXTS = f"{PREFIX}texts"
_SET = f"{PREFIX}set"
_DISCARD = f"{PREFIX}discard"


@dataclass(frozen=True)
class Followed:
    """What a build knows of the rows of which it has to tell what became of them.

    Attributes:
        ledger: What was decided before the build began.
        row_ids: All these rows.
        before: What the slice had in quarantine when it was last published.
        digest: The data version that was published then; None where nothing was.
    """

    ledger: RowLedger
    row_ids: frozenset[str]
    before: HeldBefore | None = None
    digest: str | None = None

    @property
    def decided(self) -> frozenset[str]:
        """The rows about which a decision stands that changes what is judged."""
        return self.ledger.discards.union(self.ledger.corrections)

    @property
    def keys(self) -> frozenset[str]:
        """What their ids begin with: rows of equal content are numbered together."""
        return frozenset(map(key_of, self.decided))

    @property
    def watched(self) -> frozenset[str]:
        """The rows that no decision changes, nor the number that they have among their equals."""
        keys = self.keys
        return frozenset(row for row in self.row_ids if key_of(row) not in keys)


@dataclass(frozen=True)
class Decided:
    """A delivery with the decisions about its rows applied.

    Attributes:
        delivery: What is left to be judged; followed rows carry `ROW_ID` and `ORIGINAL`.
        discarded: The rows that were delivered and left out.
    """

    delivery: Delivery
    discarded: frozenset[str]


def apply_decisions(
    session: SparkSession, delivery: Delivery, *, table: ResolvedTable, followed: Followed
) -> Decided:
    """Return a delivery as the decisions about its rows would have it.

    A corrected record of a text file is read again as if the values had stood in the file. Cost
    where a decision stands: a query over the contents of the rows it is about, the delivered rows
    are computed twice as often and marked, and those with the content of such a row are shuffled.

    Raises:
        CorrectionRefused: A correction does not fit the contract any more.
    """
    if not followed.decided:
        return Decided(delivery, frozenset())
    ledger = followed.ledger
    for identity, columns in ledger.corrections.items():
        where = f"{table.ref} {ledger.window} row {identity}"
        check_correction(columns, correctable_types(table, delivery.contract), where=where)
    keyed = _keyed(session, delivery, table=table, followed=followed)
    keys = session.createDataFrame([(key,) for key in sorted(followed.keys)], f"{_KEY} string")
    others = keyed.join(F.broadcast(keys), _KEY, "left_anti")
    followed_rows = keyed.join(F.broadcast(keys), _KEY, "left_semi")
    number = table.spec.row_number
    found = _with_decisions(session, followed_rows, ledger, order=number or ORIGINAL)
    kept = found.where(~F.col(_DISCARD))
    corrected = (
        _correct_values(kept, delivery)
        if delivery.texts is None
        else _correct_texts(kept, delivery, nulls=table.spec.nulls, row_number=number)
    )
    delivered = [F.col(quote(name)) for name in delivery.frame.columns]
    nothing = F.lit(None).cast("string")
    frame = others.select(*delivered, nothing.alias(ROW_ID), nothing.alias(ORIGINAL)).unionByName(
        corrected.select(*delivered, ROW_ID, ORIGINAL)
    )
    discarded: frozenset[str] = frozenset()
    if ledger.discards:
        rows = few_rows(found.where(F.col(_DISCARD)).select(ROW_ID), what="discarded rows")
        discarded = frozenset(str(row[ROW_ID]) for row in rows)
    # A correction may make two rows alike.
    return Decided(replace(delivery, frame=frame, unique_by=None), discarded)


def _keyed(
    session: SparkSession, delivery: Delivery, *, table: ResolvedTable, followed: Followed
) -> DataFrame:
    """Return the delivered rows with their content and its key, of text files with the texts.

    Both are null where the mark of a row tells that it is none of those with decisions.
    """
    rows = delivery.frame
    if delivery.texts is not None:
        texts = delivery.texts.withColumn(
            _TEXTS, F.struct(*(F.col(quote(name)) for name in (*delivery.columns, RAW)))
        )
        types = delivery.contract.types
        rows = typed_rows(
            texts,
            types,
            nulls=table.spec.nulls,
            row_number=table.spec.row_number,
            keep=[_TEXTS],
        )
    content = payload_of(delivery)
    key = row_key(table.ref, followed.ledger.window, F.col(ORIGINAL))
    mark, marks = mark_of(delivery), None
    if mark is not None:
        marks = marks_of(session, delivery, _contents(followed))
    if mark is not None and marks is not None:
        known = session.createDataFrame([(one,) for one in sorted(marks)], f"{_MARK} bigint")
        rows = rows.join(F.broadcast(known), mark == F.col(_MARK), "left")
        content = F.when(F.col(_MARK).isNotNull(), content)
        key = F.when(F.col(_MARK).isNotNull(), key)
    return rows.withColumn(ORIGINAL, content).withColumn(_KEY, key)


def _contents(followed: Followed) -> list[str]:
    """Return the contents of the rows with decisions: what fixes or discards a row holds it."""
    states = (followed.ledger.rows[row] for row in followed.decided)
    return [state.held.payload for state in states if state.held is not None]


def _with_decisions(
    session: SparkSession, rows: DataFrame, ledger: RowLedger, *, order: str
) -> DataFrame:
    """Return the rows numbered among those of equal content, with what was decided about each."""
    # Rows of one key are equal but for their number in the files, where they have one.
    number = F.row_number().over(Over.partitionBy(_KEY).orderBy(F.col(quote(order))))
    numbered = rows.withColumn(ROW_ID, row_id(F.col(_KEY), number))
    decided = [
        *((identity, dict(columns), False) for identity, columns in ledger.corrections.items()),
        *((identity, {}, True) for identity in sorted(ledger.discards)),
    ]
    schema = f"{ROW_ID} string, {_SET} map<string,string>, {_DISCARD} boolean"
    decisions = session.createDataFrame(decided, schema)
    joined = numbered.join(F.broadcast(decisions), ROW_ID, "left")
    return joined.withColumn(_DISCARD, F.coalesce(F.col(_DISCARD), F.lit(False)))


def _correct_values(rows: DataFrame, delivery: Delivery) -> DataFrame:
    types = delivery.contract.types
    others = [name for name in rows.columns if name not in types]
    return rows.select(
        *(
            F.when(_is_set(name), read_text(F.col(_SET)[name], kind))
            .otherwise(F.col(quote(name)))
            .cast(kind)
            .alias(name)
            for name, kind in types.items()
        ),
        *others,
    )


def _correct_texts(
    rows: DataFrame, delivery: Delivery, *, nulls: list[str], row_number: str | None
) -> DataFrame:
    """Return records with corrected texts, read anew.

    A malformed record has no columns to keep: it is readable once all of them are given.
    """
    names = [name for name in delivery.columns if name != row_number]
    given = F.size(F.map_keys(F.coalesce(F.col(_SET), F.create_map().cast("map<string,string>"))))
    texts = rows.select(
        *(
            F.when(_is_set(name), F.col(_SET)[name]).otherwise(F.col(_TEXTS)[name]).alias(name)
            for name in names
        ),
        *(() if row_number is None else (F.col(_TEXTS)[row_number].alias(row_number),)),
        F.when(given < len(names), F.col(_TEXTS)[RAW]).alias(RAW),
        ROW_ID,
        ORIGINAL,
    )
    return typed_rows(
        texts,
        delivery.contract.types,
        nulls=nulls,
        row_number=row_number,
        keep=[ROW_ID, ORIGINAL],
    )


def _is_set(name: str) -> Column:
    return F.coalesce(F.map_contains_key(F.col(_SET), name), F.lit(False))
