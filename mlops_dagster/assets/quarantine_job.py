"""The job through which people decide about quarantined rows: fix, discard, reopen."""

import getpass
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import ConfigDict, Field

from mlops_dagster.assets.keys import asset_key, quarantine_ref
from mlops_dagster.assets.stage import stage_errors
from mlops_dagster.data.row_ledger import Action
from mlops_dagster.resources.spark import SparkResource
from mlops_dagster.resources.workspace import WorkspaceResource
from mlops_dagster.spec.refs import STATIC

if TYPE_CHECKING:
    from mlops_dagster.data.decisions import DecidedRow


class RowChange(dg.Config):
    """A row and the columns to correct."""

    model_config = ConfigDict(extra="forbid")

    row: str = Field(description="the row's id, or its first characters")
    columns: dict[str, str] = Field(default_factory=dict, description="values by column, as texts")
    nulls: list[str] = Field(default_factory=list, description="columns that become null")


class RowDecision(dg.Config):
    """A decision about rows of the quarantine; it is recorded with the run, who and why."""

    model_config = ConfigDict(extra="forbid")

    action: Action
    rows: list[RowChange]
    why: str = Field(default="", description="required to discard rows")
    who: str = Field(default="", description="by default the user that runs the job")


def quarantine_job_name(owner: str) -> str:
    """Return the name of the job that decides about quarantined rows of a use case."""
    return f"{owner}_quarantine"


def decide_op_name(owner: str) -> str:
    """Return the name of the job's op; Dagster wants another one in each job."""
    return f"{owner}_decide"


def quarantine_job(owner: str) -> dg.JobDefinition:
    """Return the job that records decisions about quarantined rows.

    It changes no table. The next build of the slice applies what was decided: materialize the table
    for that window, or `mlops-dagster quarantine release`.
    """

    @dg.op(name=decide_op_name(owner))
    def decide_rows(
        context: dg.OpExecutionContext,
        config: RowDecision,
        mlops: WorkspaceResource,
        spark: SparkResource,
    ) -> None:
        from mlops_dagster.data.decisions import Change, decide

        changes = [
            Change(one.row, {**one.columns, **dict.fromkeys(one.nulls)}) for one in config.rows
        ]
        with stage_errors(), spark.step(quarantine_job_name(owner)) as session:
            decided = decide(
                session,
                config.action,
                changes,
                workspace=mlops.workspace,
                owner=owner,
                who=config.who or getpass.getuser(),
                why=config.why,
                store=mlops.store,
                locations=mlops.locations,
                run_id=context.run_id,
            )
        for one in decided:
            context.log.info(f"{config.action.value}: {one.found}{'' if one.new else ' (known)'}")
        for window in sorted({one.found.window for one in decided}):
            context.log_event(_observation(owner, config, decided, window))

    @dg.job(
        name=quarantine_job_name(owner),
        description=(
            f"Decides about quarantined rows of {owner}: fix, discard or reopen. Tables change "
            "when their window is built again."
        ),
        executor_def=dg.in_process_executor,
    )
    def decide_about_rows() -> None:
        decide_rows()

    return decide_about_rows


def _observation(
    owner: str, config: RowDecision, decided: "tuple[DecidedRow, ...]", window: str
) -> dg.AssetObservation:
    rows = [one for one in decided if one.found.window == window]
    records = [
        dg.TableRecord(
            {
                "row": one.found.row.row_id,
                "table": str(one.found.ref),
                "reasons": ", ".join(one.found.row.reasons),
                "columns": ", ".join(
                    f"{name} = {'null' if value is None else value}"
                    for name, value in one.columns.items()
                ),
            }
        )
        for one in rows
    ]
    return dg.AssetObservation(
        asset_key=asset_key(quarantine_ref(owner)),
        partition=None if window == STATIC else window,
        metadata={
            "action": dg.MetadataValue.text(config.action.value),
            "who": dg.MetadataValue.text(config.who or getpass.getuser()),
            "why": dg.MetadataValue.text(config.why),
            "decided": dg.MetadataValue.table(records),
        },
    )
