"""What the rules of a use case said: one asset that keeps it as a table, a slice a window."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg

from mlops_dagster.assets.keys import asset_key, quality_results_ref, quarantine_ref
from mlops_dagster.assets.kinds import DELTA
from mlops_dagster.assets.metadata import Metadata, published_metadata, rounded
from mlops_dagster.assets.owners import use_case_owners
from mlops_dagster.assets.partitions import look_back, partitions_of
from mlops_dagster.assets.stage import stage_errors, stage_run
from mlops_dagster.resources.spark import SparkResource
from mlops_dagster.resources.workspace import WorkspaceResource
from mlops_dagster.spec.workspace import ResolvedUseCase

if TYPE_CHECKING:
    from mlops_dagster.monitoring.quality_results import Row

_VERDICTS = ("passed", "failed", "error")


def quality_results_asset(use_case: ResolvedUseCase) -> dg.AssetsDefinition:
    """Return the asset that publishes a window's results of all rules, from events."""
    ref = quality_results_ref(use_case.name)
    windowed = use_case.calendar is not None

    @dg.asset(
        key=asset_key(ref),
        # It comes after all tables, as the quarantine does; edges of its own would hide the graph.
        deps=[
            dg.AssetDep(
                asset_key(quarantine_ref(use_case.name)),
                partition_mapping=look_back(first=0, last=0) if windowed else None,
            )
        ],
        partitions_def=partitions_of(use_case.calendar),
        group_name=use_case.name,
        description=(
            "Every rule of every table by window: verdict, failing rows, rate, value and bounds; "
            "statistics and counts beside them. A projection of the events, for people and BI."
        ),
        owners=use_case_owners(use_case),
        kinds={DELTA},
    )
    def publish(
        context: dg.AssetExecutionContext, mlops: WorkspaceResource, spark: SparkResource
    ) -> dg.MaterializeResult[None]:
        from mlops_dagster.lifecycle.quality_results import publish_quality_results

        run = stage_run(context, use_case.calendar)
        with stage_errors(), spark.step(str(ref)) as session:
            found = publish_quality_results(
                session,
                use_case,
                workspace=mlops.workspace,
                window=run.window,
                as_of=run.as_of,
                store=mlops.store,
                locations=mlops.locations,
                run_id=run.run_id,
            )
        published = found.publication.published
        return dg.MaterializeResult(
            metadata={
                **results_metadata(found.rows),
                **published_metadata(published, partitioned=windowed),
                "location": dg.MetadataValue.text(str(mlops.locations.of(ref))),
            },
            data_version=dg.DataVersion(published.digest),
        )

    return publish


def results_metadata(rows: Sequence["Row"]) -> Metadata:
    """Return what the UI shows of a window's results; numbers are drawn over the windows.

    Each table has the share of its rows that failed a rule, on average over its rules about rows.
    """
    rules = [row for row in rows if row["entry"] == "rule"]
    verdicts = Counter(str(row["verdict"]) for row in rules)
    metadata: Metadata = {"rules": dg.MetadataValue.int(len(rules))}
    metadata |= {name: dg.MetadataValue.int(verdicts[name]) for name in _VERDICTS}
    rates: dict[str, list[float]] = {}
    for row in rules:
        if isinstance(row["rate"], float):
            rates.setdefault(str(row["table"]), []).append(row["rate"])
    for table, found in rates.items():
        mean = sum(found) / len(found)
        metadata[f"failed_rate/{table}"] = dg.MetadataValue.float(rounded(mean))
    failing = [row for row in rules if row["verdict"] != "passed"]
    if failing:
        metadata["not_passed"] = dg.MetadataValue.table([_record(row) for row in failing])
    return metadata


def _record(row: "Row") -> dg.TableRecord:
    """Return what failed in four columns: the UI cuts wide tables off."""
    return dg.TableRecord(
        {
            "table": str(row["table"]),
            "rule": str(row["name"]),
            "verdict": f"{row['verdict']} ({row['severity']})",
            "found": _found(row),
        }
    )


def _found(row: "Row") -> str:
    """Return how many rows fail, or the number with the bounds that it lies beyond."""
    if row["failed_rows"] is not None:
        return f"{row['failed_rows']:,} of {row['rows']:,} rows"
    value = row["value"]
    if not isinstance(value, float):
        return ""
    bounds = [
        f"{word} {rounded(bound)}"
        for word, bound in (("at least", row["low"]), ("at most", row["high"]))
        if isinstance(bound, float)
    ]
    return f"{rounded(value)}; {', '.join(bounds)}" if bounds else str(rounded(value))
