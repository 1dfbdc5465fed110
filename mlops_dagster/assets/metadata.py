"""What the UI shows of tables: columns, lineage, counts, versions.

Numbers keep one key each, so that Dagster plots them over the windows.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from mlops_dagster.assets.keys import asset_key
from mlops_dagster.assets.markdown import fenced
from mlops_dagster.spec.contract import Contract
from mlops_dagster.spec.workspace import ResolvedTable, Workspace
from mlops_dagster.tables.locations import Locations

if TYPE_CHECKING:
    from mlops_dagster.data.build import TableBuilt
    from mlops_dagster.features.row_counts import EarlyRows
    from mlops_dagster.state.fence import SlicePublished

Metadata = dict[str, dg.MetadataValue]

# How many columns are named as the sources of one.
_SHOWN_SOURCES = 5


def table_spec_metadata(workspace: Workspace, table: ResolvedTable) -> Metadata:
    """Return what is known of a table before it is ever built."""
    metadata: Metadata = {"dagster/table_name": dg.MetadataValue.text(str(table.ref))}
    if table.contract is not None:
        metadata["dagster/column_schema"] = column_schema(table, table.contract)
    if table.spec.key:
        metadata["key"] = dg.MetadataValue.text(", ".join(table.spec.key))
    if table.event_time is not None:
        metadata["event_time"] = dg.MetadataValue.text(table.event_time)
    if table.known_at is not None:
        metadata["known_at"] = dg.MetadataValue.text(table.known_at)
    if table.spec.source is not None:
        metadata["source"] = dg.MetadataValue.text(str(table.spec.source))
    if table.sql is not None:
        metadata["sql"] = dg.MetadataValue.md(fenced(table.sql.text, "sql"))
    return metadata


def table_built_metadata(
    locations: Locations, table: ResolvedTable, built: "TableBuilt"
) -> Metadata:
    """Return what building a slice gave."""
    metadata: Metadata = {
        "rows_in": dg.MetadataValue.int(built.rows_in),
        "valid": dg.MetadataValue.int(built.valid),
        "quarantined": dg.MetadataValue.int(built.quarantined),
        "dropped": dg.MetadataValue.int(built.dropped),
        "discarded": dg.MetadataValue.int(built.discarded),
        "written": dg.MetadataValue.bool(built.written),
        **published_metadata(built.published, partitioned=table.windowed),
        "location": dg.MetadataValue.text(str(locations.of(table.ref))),
        "dagster/column_schema": column_schema(table, built.contract),
    }
    # Dagster shows lineage beside the columns only when a materialization brings it.
    lineage = None if table.sql is None else column_lineage(table, table.sql.column_lineage)
    if lineage is not None:
        metadata["dagster/column_lineage"] = lineage
    if built.without_time:
        metadata["rows_without_time"] = dg.MetadataValue.int(built.without_time)
    if built.files > 1:
        metadata["files"] = dg.MetadataValue.int(built.files)
    if built.copies:
        metadata["copies_of_files"] = dg.MetadataValue.int(built.copies)
    if built.contract_grew:
        metadata["contract"] = dg.MetadataValue.md(
            f"Columns were added to `{table.contract_path.name}`: review and commit it."
        )
    if built.contract_written:
        metadata["contract"] = dg.MetadataValue.md(
            f"`{table.contract_path.name}` was missing and has been written: review and commit it."
        )
    return metadata


def published_metadata(published: "SlicePublished", *, partitioned: bool) -> Metadata:
    """Return rows, digest, Delta version and bytes of a published slice."""
    rows = "dagster/partition_row_count" if partitioned else "dagster/row_count"
    return {
        rows: dg.MetadataValue.int(published.rows),
        "digest": dg.MetadataValue.text(published.digest),
        "delta_version": dg.MetadataValue.int(published.delta_version),
        "bytes": dg.MetadataValue.int(published.bytes),
    }


def early_metadata(early: "Sequence[EarlyRows]") -> Metadata:
    """Return what the UI shows of feature tables whose rows wait; nothing where none do."""
    if not early:
        return {}
    return {"known_early": dg.MetadataValue.md("\n\n".join(map(str, early)))}


def rounded(value: float) -> float:
    """Return a number with five significant digits: Dagster shows every digit that it is given."""
    return float(f"{value:.5g}")


def column_schema(table: ResolvedTable, contract: Contract) -> dg.MetadataValue:
    """Return a contract as Dagster's table schema: what each column is, and what it comes from.

    Only Dagster+ draws column lineage; the descriptions of columns are read everywhere.
    """
    roles = dict.fromkeys(table.spec.key, "key")
    roles |= {} if table.event_time is None else {table.event_time: "event time: when it happened"}
    if table.known_at is not None and table.known_at != table.event_time:
        roles[table.known_at] = "known at: when it became known"
    sources = {} if table.sql is None else _sources(table, table.sql.column_lineage)
    return dg.MetadataValue.table_schema(
        dg.TableSchema(
            [
                dg.TableColumn(
                    column.name,
                    column.type,
                    description=_described(roles.get(column.name), sources.get(column.name, [])),
                    constraints=dg.TableColumnConstraints(nullable=column.nullable),
                )
                for column in contract.columns
            ]
        )
    )


def _sources(
    table: ResolvedTable, lineage: Mapping[str, tuple[tuple[str, str], ...]]
) -> dict[str, list[str]]:
    """Return the columns of other tables that each column comes from, as `layer.table.column`."""
    return {
        column: [
            f"{table.inputs[name].ref.layer}.{table.inputs[name].ref.name}.{source}"
            for name, source in sources
            if name in table.inputs
        ]
        for column, sources in lineage.items()
    }


def _described(role: str | None, sources: list[str]) -> str | None:
    shown = ", ".join(sources[:_SHOWN_SOURCES])
    if len(sources) > _SHOWN_SOURCES:
        shown += f" and {len(sources) - _SHOWN_SOURCES} more"
    return "; ".join(filter(None, (role, f"from {shown}" if shown else None))) or None


def column_lineage(
    table: ResolvedTable, lineage: Mapping[str, tuple[tuple[str, str], ...]]
) -> dg.MetadataValue | None:
    """Return which input columns each column comes from, or None when the SQL does not tell."""
    if not lineage:
        return None
    return dg.MetadataValue.column_lineage(
        dg.TableColumnLineage(
            {
                column: [
                    dg.TableColumnDep(asset_key(table.inputs[name].ref), source)
                    for name, source in sources
                    if name in table.inputs
                ]
                for column, sources in lineage.items()
            }
        )
    )


def markdown_text(text: str) -> str:
    """Return a text that Markdown shows as it stands: no emphasis, link or HTML of its own."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&])", r"\\\1", text.replace("\n", " "))
