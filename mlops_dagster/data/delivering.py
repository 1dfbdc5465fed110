"""What makes a slice: files, what something else keeps, or other tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from pyspark.sql import SparkSession

from mlops_dagster.data.contracts import known_contract
from mlops_dagster.data.delivery import Delivery
from mlops_dagster.data.external import external_delivery
from mlops_dagster.data.ingest import ingest
from mlops_dagster.data.reading_files import reading_errors
from mlops_dagster.data.transform import delivery_of, derived, input_rows, pin_inputs
from mlops_dagster.spec.workspace import ResolvedTable, Workspace
from mlops_dagster.state.fence import Claim
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.locations import Locations


@contextmanager
def delivery_for(
    session: SparkSession,
    *,
    workspace: Workspace,
    table: ResolvedTable,
    window: str,
    held: Claim,
    store: EventStore,
    locations: Locations,
) -> Iterator[Delivery]:
    """Yield what makes a slice of a table, from files, a source, or its inputs.

    Lazy: to be used inside the block. Arguments as `build_table`; `held` is the claim on the slice.

    Raises:
        SourceError: An input is not published, or a file or source is missing or unreadable.
        SourceUnavailable: A database that is read did not answer.
        ContractViolation: The columns delivered are not the contract's.
        HookError: The hook failed or gave no DataFrame.
        ExpressionError: Spark refuses the SQL.
    """
    contract = known_contract(table)
    if table.kind == "files":
        with reading_errors(f"{table.ref} {window}"):
            yield ingest(
                session,
                table=table,
                window=window,
                landing=workspace.landing,
                contract=contract,
                by_path=locations.by_path,
                store=store,
                held=held,
            )
        return
    if table.kind == "source":
        with external_delivery(
            session,
            workspace=workspace,
            table=table,
            window=window,
            contract=contract,
            store=store,
            locations=locations,
        ) as delivery:
            yield delivery
        return
    inputs = pin_inputs(workspace, table, window, store)
    with derived(
        session,
        workspace=workspace,
        table=table,
        window=window,
        inputs=inputs,
        locations=locations,
    ) as frame:
        delivery = delivery_of(frame, table=table, inputs=inputs, contract=contract)
        references = {
            one.name: input_rows(session, one, workspace, locations)
            for one in inputs
            if one.name in table.spec.inputs_of_rules
        }
        yield replace(delivery, references=references)
