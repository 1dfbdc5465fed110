"""The quarantine of a use case: one asset that reports which rows its tables refused, and why."""

from collections import Counter
from collections.abc import Sequence

import dagster as dg

from mlops_dagster.assets.keys import asset_key, quarantine_ref
from mlops_dagster.assets.kinds import DELTA
from mlops_dagster.assets.metadata import Metadata, markdown_text
from mlops_dagster.assets.owners import use_case_owners
from mlops_dagster.assets.partitions import look_back, partitions_of
from mlops_dagster.assets.stage import stage_errors, stage_run
from mlops_dagster.data.row_ledger import RowStatus
from mlops_dagster.data.slice_counts import SliceCounts, slice_counts
from mlops_dagster.resources.workspace import WorkspaceResource
from mlops_dagster.spec.refs import STATIC
from mlops_dagster.spec.workspace import ResolvedTable, ResolvedUseCase

_SHOWN = (RowStatus.OPEN, RowStatus.FIXED, RowStatus.RELEASED, RowStatus.DISCARDED)
_MOST_REASONS = 5


def quarantine_asset(use_case: ResolvedUseCase) -> dg.AssetsDefinition:
    """Return the asset that counts a window's quarantined rows by table and rule, from events."""
    ref = quarantine_ref(use_case.name)
    partitions = partitions_of(use_case.calendar)

    @dg.asset(
        key=asset_key(ref),
        deps=[
            dg.AssetDep(
                asset_key(table.ref),
                partition_mapping=look_back(first=0, last=0) if table.windowed else None,
            )
            for table in last_tables(use_case)
        ],
        partitions_def=partitions,
        group_name=use_case.name,
        description=(
            "Rows that failed a rule, with their reasons and original content, one slice a table "
            "and window, until people have fixed or discarded them. "
            "Rows delivered = valid + quarantined + dropped + discarded, for every table."
        ),
        owners=use_case_owners(use_case),
        kinds={DELTA},
    )
    def report(
        context: dg.AssetExecutionContext, mlops: WorkspaceResource
    ) -> dg.MaterializeResult[None]:
        run = stage_run(context, use_case.calendar)
        with stage_errors():
            found = [
                slice_counts(mlops.store, table.ref, run.window if table.windowed else STATIC)
                for table in use_case.tables.values()
            ]
        counts = [one for one in found if one is not None]
        return dg.MaterializeResult(metadata=quarantine_metadata(counts, run.window))

    return report


def quarantine_metadata(counts: Sequence[SliceCounts], window: str) -> Metadata:
    """Return what the UI shows of the published batches of a window."""
    metadata: Metadata = {
        "quarantined": dg.MetadataValue.int(sum(one.quarantined for one in counts)),
        "dropped": dg.MetadataValue.int(sum(one.dropped for one in counts)),
        "rows_in": dg.MetadataValue.int(sum(one.rows_in for one in counts)),
    }
    for status in _SHOWN:
        total = sum(one.statuses[status] for one in counts)
        metadata[status.value] = dg.MetadataValue.int(total)
    if counts:
        metadata["tables"] = dg.MetadataValue.table([_record(one) for one in counts])
    reasons = _reasons(counts)
    if reasons:
        metadata["top_reasons"] = dg.MetadataValue.md(reasons)
    owner = next((one.ref.owner for one in counts if one.quarantined), None)
    if owner is not None:
        only = f" --use-case {owner}" + ("" if window == STATIC else f" --window {window}")
        metadata["next"] = dg.MetadataValue.md(f"`mlops-dagster quarantine list{only}`")
    return metadata


def last_tables(use_case: ResolvedUseCase) -> list[ResolvedTable]:
    """Return the tables that no other table of their job reads: all others come before them.

    They are enough to wait for; an edge from every table would hide the graph of the others.
    """
    opens = use_case.open_tables
    read = {
        (table_input.ref, reader in opens)
        for reader, table in use_case.tables.items()
        for table_input in table.inputs.values()
    }
    return [table for ref, table in use_case.tables.items() if (ref, ref in opens) not in read]


def _record(counts: SliceCounts) -> dg.TableRecord:
    # As the batch has it, so that a line adds up; a row may be discarded before its next build.
    shown = {status.value: counts.statuses[status] for status in _SHOWN} | {
        "discarded": counts.discarded
    }
    return dg.TableRecord(
        {
            "table": f"{counts.ref.layer}.{counts.ref.name}",
            "rows_in": counts.rows_in,
            "valid": counts.valid,
            "quarantined": counts.quarantined,
            "dropped": counts.dropped,
            **shown,
            "failed_rules": ", ".join(
                rule if rows is None else f"{rule} ({rows})"
                for rule, rows in counts.failed_rules.items()
            ),
        }
    )


def _reasons(counts: Sequence[SliceCounts]) -> str:
    """Return the rules that most rows fail, the first ones first, as a list in Markdown."""
    failing: Counter[str] = Counter()
    for one in counts:
        for rule, rows in one.failed_rules.items():
            failing[f"{one.ref.layer}.{one.ref.name}: {rule}"] += rows or 0
    shown = [(rule, rows) for rule, rows in failing.most_common(_MOST_REASONS) if rows]
    return "\n".join(f"- {markdown_text(rule)} ({rows})" for rule, rows in shown)
