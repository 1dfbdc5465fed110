"""Which rows a build has to tell of, and what it says about them once it has judged its batch."""

from collections.abc import Mapping

from pyspark.sql import SparkSession

from mlops_dagster.crash_points import CrashPoint, crash_point
from mlops_dagster.data.checks import DROP, QUARANTINE, VALID
from mlops_dagster.data.followed import Followed
from mlops_dagster.data.quarantine import published_quarantine
from mlops_dagster.data.row_events import Outcome, RowsSettled, row_stream
from mlops_dagster.data.row_ledger import RowLedger, read_rows
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state.fence import Claim, published
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.locations import Locations

# Of a larger quarantine only the rows that events tell of are told of again: the others would be
# thousands of ids in one event, and a fault of so many rows is corrected at its source.
MOST_FOLLOWED = 10_000
_BY_ROUTE = {
    VALID: Outcome.RELEASED,
    QUARANTINE: Outcome.FAILING,
    DROP: Outcome.DROPPED,
}


def follow(
    session: SparkSession,
    ref: TableRef,
    window: str,
    *,
    store: EventStore,
    locations: Locations,
) -> Followed:
    """Return the rows of a slice to tell of: those of its events and those in its quarantine.

    Costs a small read of the quarantine where the published batch has rows in it.
    """
    ledger = read_rows(store, ref, window)
    publication = published(store, ref, window)
    before = published_quarantine(
        session, ref, window, store=store, locations=locations, at_most=MOST_FOLLOWED
    )
    held = frozenset() if before is None or before.row_ids is None else before.row_ids
    digest = None if publication is None else publication.digest
    return Followed(ledger, held.union(ledger.rows), before, digest)


def settle(
    store: EventStore,
    *,
    followed: Followed,
    discarded: frozenset[str],
    routes: Mapping[str, frozenset[str]],
    held: Claim,
) -> bool:
    """Record what the batch makes of the followed rows; counts once it is published.

    Args:
        store: The event store.
        followed: The rows that the build has to tell of.
        discarded: The rows that were delivered and left out.
        routes: Those of the rows that were judged, by their route.
        held: The claim of the batch.

    Returns:
        Whether anything was new.
    """
    told = settlement(followed, discarded=discarded, routes=routes)
    if not told:
        return False
    ledger = followed.ledger
    stream = row_stream(ledger.ref, ledger.window)
    event = RowsSettled(token=held.token, seen=ledger.seq, outcomes=told)
    store.append_next(stream, event, as_of=held.as_of, run_id=held.run_id)
    crash_point(CrashPoint.ROWS_SETTLED, stream)
    return True


def settlement(
    followed: Followed, *, discarded: frozenset[str], routes: Mapping[str, frozenset[str]]
) -> Mapping[str, Outcome]:
    """Return what is to be told of followed rows; nothing when all of it is known. Pure.

    Rows that nobody decided about are told when they leave the quarantine.
    """
    found = outcomes_of(followed.row_ids, discarded=discarded, routes=routes)
    ledger = followed.ledger
    told = {
        row_id: outcome
        for row_id, outcome in found.items()
        if row_id in ledger.rows or outcome is not Outcome.FAILING
    }
    known = all(is_known(ledger, row_id, outcome) for row_id, outcome in told.items())
    return {} if known else told


def outcomes_of(
    rows: frozenset[str], *, discarded: frozenset[str], routes: Mapping[str, frozenset[str]]
) -> Mapping[str, Outcome]:
    """Return what became of rows; those that are nowhere are gone. Pure."""
    found = dict.fromkeys(sorted(rows), Outcome.GONE)
    found |= dict.fromkeys(discarded & rows, Outcome.DISCARDED)
    for route, outcome in _BY_ROUTE.items():
        found |= dict.fromkeys(routes.get(route, frozenset()) & rows, outcome)
    return found


def is_known(ledger: RowLedger, row_id: str, outcome: Outcome) -> bool:
    """Tell whether the published batch made the same of a row, knowing all decisions about it."""
    state = ledger.rows.get(row_id)
    return state is not None and state.outcome is outcome and not state.waits
