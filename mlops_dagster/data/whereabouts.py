"""Where the rows are that a build watches: those that it has to tell of, and no decision changes.

They are not looked for on the way. The new quarantine says which of them are still in it, and a
batch that is what the published one was leaves the others where they were. Only for rows of which
neither tells are the contents of the delivered rows compared, once.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from mlops_dagster.data.batch import Batch
from mlops_dagster.data.checks import DROP, QUARANTINE, ROUTE, VALID, flagged
from mlops_dagster.data.counting import Measured
from mlops_dagster.data.delivery import PREFIX, ROW_ID
from mlops_dagster.data.followed import Followed
from mlops_dagster.data.quarantine import quarantine_slice
from mlops_dagster.data.row_events import Outcome
from mlops_dagster.data.row_ids import id_of, key_of, payload_of, row_key
from mlops_dagster.data.settling import is_known, outcomes_of
from mlops_dagster.engine.transfer import table_to_client
from mlops_dagster.tables.commits import Commit, slice_rows
from mlops_dagster.tables.locations import Locations

Routes = Mapping[str, frozenset[str]]

_KEY = f"{PREFIX}key"
_ROWS = f"{PREFIX}rows"
# Rows of equal content fail the same rules; where they do not, the quarantine has numbered its own.
_IN_ORDER = (QUARANTINE, VALID, DROP)


@dataclass(frozen=True)
class JudgedRows:
    """A batch that was judged and has its quarantine written.

    Attributes:
        batch: The batch, with what was learnt.
        measured: Its counts, and the routes of the rows that were followed through it.
        failed_rules: The rules that quarantine or drop some row.
        discarded: The rows that were delivered and left out.
        quarantine: The commit of its quarantine; None where nothing was replaced.
    """

    batch: Batch
    measured: Measured
    failed_rules: Collection[str]
    discarded: frozenset[str]
    quarantine: Commit | None


def routes_of(
    session: SparkSession, judged: JudgedRows, *, followed: Followed, locations: Locations
) -> Routes:
    """Return the route of every row that a build has to tell of; one that is gone has none.

    Costs nothing where no row is watched; else a read of the new quarantine's ids. Where that does
    not tell, one pass over the delivered rows which makes the content of each; few are shuffled.
    """
    routes = {route: set(judged.measured.followed.get(route, ())) for route in _IN_ORDER}
    watched = followed.watched
    held = _held(session, judged, watched, locations)
    routes[QUARANTINE] |= held
    elsewhere = watched - held
    unmoved = unmoved_rows(
        followed,
        elsewhere,
        digest=judged.measured.valid.digest,
        dropped=judged.measured.counts.dropped,
        discarded=judged.discarded,
        routes=judged.measured.followed,
    )
    routes[VALID] |= {row for row, outcome in unmoved.items() if outcome is Outcome.RELEASED}
    for row, route in _looked_up(session, judged, elsewhere.difference(unmoved)).items():
        routes[route].add(row)
    return {route: frozenset(rows) for route, rows in routes.items()}


def unmoved_rows(
    followed: Followed,
    elsewhere: Iterable[str],
    *,
    digest: str,
    dropped: int,
    discarded: frozenset[str],
    routes: Routes,
) -> Mapping[str, Outcome]:
    """Return watched rows that are certainly where the published batch left them. Pure.

    Where the valid rows are those that are published, and decisions have not changed which of them
    were made by corrections, a released row is among them still, and one that was gone is not.

    Args:
        followed: What the build knew before it began.
        elsewhere: The watched rows that are not in the new quarantine.
        digest: The data version of the valid rows.
        dropped: How many rows the batch drops; which ones they are, nothing tells.
        discarded: The rows that were delivered and left out.
        routes: The routes of the rows that were followed through the batch.
    """
    told = outcomes_of(followed.decided, discarded=discarded, routes=routes)
    ledger = followed.ledger
    as_before = all(is_known(ledger, row, outcome) for row, outcome in told.items())
    if digest != followed.digest or not as_before:
        return {}
    certain = {Outcome.RELEASED} if dropped else {Outcome.RELEASED, Outcome.GONE}
    states = {row: ledger.rows[row] for row in elsewhere if row in ledger.rows}
    return {
        row: state.outcome
        for row, state in states.items()
        if state.outcome in certain and not state.waits
    }


def numbered(counts: Mapping[tuple[str, str], int]) -> Mapping[str, str]:
    """Return the route of every row by its id, from the rows of each key and route. Pure."""
    routes: dict[str, str] = {}
    for key in sorted({key for key, _ in counts}):
        number = 0
        for route in _IN_ORDER:
            for _ in range(counts.get((key, route), 0)):
                number += 1
                routes[id_of(key, number)] = route
    return routes


def _held(
    session: SparkSession, judged: JudgedRows, watched: frozenset[str], locations: Locations
) -> frozenset[str]:
    """Return the watched rows that the new quarantine holds."""
    commit = judged.quarantine
    if not watched or commit is None or commit.rows == 0:
        return frozenset()
    target = quarantine_slice(judged.batch.table.ref, judged.batch.window)
    rows = slice_rows(session, locations.of(target.ref), target, commit.version)
    asked = session.createDataFrame([(row,) for row in sorted(watched)], "row_id string")
    found = rows.select("row_id").join(F.broadcast(asked), "row_id", "left_semi")
    return frozenset(table_to_client(found, what="rows in quarantine")["row_id"].to_pylist())


def _looked_up(
    session: SparkSession, judged: JudgedRows, wanted: frozenset[str]
) -> Mapping[str, str]:
    """Return the routes of those of the rows that were delivered, by their contents."""
    if not wanted:
        return {}
    batch = judged.batch
    rows = batch.delivery.frame
    if batch.delivery.has_followed:
        rows = rows.where(F.col(ROW_ID).isNull())
    key = row_key(batch.table.ref, batch.window, payload_of(batch.delivery))
    asked = sorted({key_of(row) for row in wanted})
    keys = session.createDataFrame([(one,) for one in asked], f"{_KEY} string")
    found = rows.withColumn(_KEY, key).join(F.broadcast(keys), _KEY, "left_semi")
    counted = (
        flagged(found, batch, judged.failed_rules)
        .groupBy(_KEY, ROUTE)
        .agg(F.count(F.lit(1)).alias(_ROWS))
    )
    counts = {
        (str(row[_KEY]), str(row[ROUTE])): int(row[_ROWS])
        for row in table_to_client(counted, what="rows that left the quarantine").to_pylist()
    }
    return {row: route for row, route in numbered(counts).items() if row in wanted}
