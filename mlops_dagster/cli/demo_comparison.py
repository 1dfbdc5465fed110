"""The demo's last question: what retraining gained over the first model."""

from mlops_dagster.cli.demo_summary import Compared, DifferenceSummary, ModelSummary
from mlops_dagster.resources.workspace import event_store
from mlops_dagster.spec.workspace import ResolvedModel, Workspace
from mlops_dagster.windows import WindowCalendar


def compare_champion(
    workspace: Workspace, model: ResolvedModel, calendar: WindowCalendar, last_window: str
) -> Compared | None:
    """Return the newest champion that three months follow beside the first model, on those months.

    Takes a Spark session; None when no champion has three months after its cutoff.
    """
    from mlops_dagster.engine.connect import open_engine
    from mlops_dagster.lifecycle.place import Place
    from mlops_dagster.lifecycle.succession import compare_successors
    from mlops_dagster.registry.tracking import open_tracker
    from mlops_dagster.tables.locations import Locations

    place = Place(
        workspace=workspace,
        store=event_store(workspace),
        locations=Locations(workspace.environment, workspace.root),
        tracker=open_tracker(workspace.environment, workspace.state_folder),
        window=last_window,
        as_of=calendar.as_of_close(last_window),
        run_id="demo",
    )
    engine = open_engine(workspace.environment, workspace.state_folder)
    try:
        with engine.step("compare the champion with the first model") as session:
            found = compare_successors(session, place, model, calendar)
    finally:
        engine.close()
    if found is None:
        return None
    compared = found.compared
    return Compared(
        first_model=ModelSummary(
            version=found.first.version, mean_roc_auc_after_promotion=compared.earlier
        ),
        champion=ModelSummary(
            version=found.later.version, mean_roc_auc_after_promotion=compared.later
        ),
        difference=DifferenceSummary(
            months=compared.windows,
            value=compared.difference,
            low=compared.low,
            high=compared.high,
            days=compared.days,
        ),
    )
