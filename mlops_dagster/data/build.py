"""Building one slice of a table: deliver, measure, judge, quarantine, publish."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import SparkSession

from mlops_dagster.data.verdict import RuleResult
from mlops_dagster.spec.contract import Contract
from mlops_dagster.spec.workspace import ResolvedTable, Workspace
from mlops_dagster.state.fence import SlicePublished
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.locations import Locations


@dataclass(frozen=True)
class TableBuilt:
    """What building a slice gave.

    Attributes:
        published: The publication that readers see now.
        written: False when a static table was unchanged and nothing was written.
        rows_in: Rows delivered; always valid + quarantined + dropped.
        valid: Rows published.
        quarantined: Rows in the quarantine table under this batch.
        dropped: Rows that a rule with `on_fail: drop` removed.
        rule_results: One result a rule, built-in rules first.
        contract: The columns of the table.
        contract_written: Whether the contract file was missing and has been written.
        lineage: Per output column the (input, column) pairs it comes from; empty for files and hooks.
    """

    published: SlicePublished
    written: bool
    rows_in: int
    valid: int
    quarantined: int
    dropped: int
    rule_results: tuple[RuleResult, ...]
    contract: Contract
    contract_written: bool
    lineage: Mapping[str, tuple[tuple[str, str], ...]]


def build_table(
    session: SparkSession,
    *,
    workspace: Workspace,
    table: ResolvedTable,
    window: str,
    as_of: datetime,
    store: EventStore,
    locations: Locations,
    run_id: str,
) -> TableBuilt:
    """Build and publish one slice of a table.

    Args:
        session: A Spark Connect session.
        workspace: The workspace that holds the table and its inputs.
        table: The table.
        window: The window's key; `static` for a static table.
        as_of: The instant that decides, with a time zone.
        store: The event store of the environment.
        locations: Where tables lie.
        run_id: The run that writes.

    Raises:
        RefusedBatch: A rule refused the batch; the previous version stays readable.
        SourceError: An input is not published or a file is missing or unreadable.
        ContractViolation: The columns delivered are not the contract's.
        SupersededWrite: A newer run took the slice over.
        NotDeterministic: The rows changed between measuring and writing.
    """
    raise NotImplementedError
