"""What the rows of a model are made from, as dependencies: exactly the windows that are read."""

from datetime import timedelta

import dagster as dg

from mlops_dagster.assets.keys import asset_key
from mlops_dagster.assets.partitions import farthest_steps, look_back
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.workspace import ResolvedModel, ResolvedTable, Workspace
from mlops_dagster.windows import Duration, DurationUnit, WindowCalendar


def training_inputs(
    workspace: Workspace, model: ResolvedModel, calendar: WindowCalendar | None
) -> list[dg.AssetDep]:
    """Return the dependencies of a training set: its history of rows, features and labels."""
    history = model.spec.train.history
    back = 0
    if calendar is not None:
        back = farthest_steps(calendar) if history is None else history.count - 1
    refs = dict.fromkeys((model.rows, *model.features, model.label))
    return [_dependency(workspace, model, ref, calendar, back=back) for ref in refs]


def scoring_inputs(
    workspace: Workspace, model: ResolvedModel, calendar: WindowCalendar | None
) -> list[dg.AssetDep]:
    """Return the dependencies of a window's predictions: its rows and their features."""
    refs = dict.fromkeys((model.rows, *model.features))
    return [_dependency(workspace, model, ref, calendar, back=0) for ref in refs]


def _dependency(
    workspace: Workspace,
    model: ResolvedModel,
    ref: TableRef,
    calendar: WindowCalendar | None,
    *,
    back: int,
) -> dg.AssetDep:
    table = workspace.table(ref)
    if calendar is None or not table.windowed:
        return dg.AssetDep(asset_key(ref))
    joined = ref in model.features and ref != model.rows
    reach = _feature_reach(table, model, calendar) if joined else 0
    return dg.AssetDep(asset_key(ref), partition_mapping=look_back(first=-(back + reach), last=0))


def _feature_reach(table: ResolvedTable, model: ResolvedModel, calendar: WindowCalendar) -> int:
    """Return in how many earlier windows the newest row that is still valid can lie."""
    if table.spec.valid_for is None:
        return farthest_steps(calendar)
    oldest = model.spec.rows.ahead.elapsed + table.spec.valid_for.elapsed
    return calendar.longest_steps(Duration(-(-oldest // timedelta(minutes=1)), DurationUnit.MINUTE))
