"""The energy_demand project, whose schedules and sensor can be asked without a run."""

from dataclasses import dataclass
from datetime import datetime

import dagster as dg
from dagster._core.definitions.schedule_definition import ScheduleExecutionData
from dagster._core.definitions.sensor_definition import SensorExecutionData

from mlops_dagster.automation.jobs import close_job_name, open_job_name
from mlops_dagster.automation.sensors import retraining_sensor_name
from mlops_dagster.resources.workspace import event_store
from mlops_dagster.spec.workspace import ResolvedUseCase, Workspace
from mlops_dagster.state.store import EventStore
from mlops_dagster.windows import WindowCalendar


@dataclass(frozen=True)
class Asked:
    """The energy_demand project with an instance of its own."""

    definitions: dg.Definitions
    workspace: Workspace
    instance: dg.DagsterInstance

    @property
    def use_case(self) -> ResolvedUseCase:
        """The only use case."""
        return self.workspace.use_cases["energy_demand"]

    @property
    def calendar(self) -> WindowCalendar:
        """Its days."""
        assert self.use_case.calendar is not None
        return self.use_case.calendar

    @property
    def store(self) -> EventStore:
        """Its event store."""
        return event_store(self.workspace)

    def materialize(self, keys: tuple[dg.AssetKey, ...], *windows: str) -> None:
        """Tell Dagster that assets have windows."""
        for key in keys:
            for window in windows:
                self.instance.report_runless_asset_event(
                    dg.AssetMaterialization(key, partition=window)
                )

    def run(self, job: str, window: str, status: dg.DagsterRunStatus, **tags: str) -> dg.DagsterRun:
        """Leave a run in the instance, in a state."""
        return self.instance.create_run_for_job(
            self.definitions.resolve_job_def(job),
            status=status,
            tags={"dagster/partition": window, **tags},
        )

    def tick_schedule(self, now: datetime, *, opens: bool = False) -> ScheduleExecutionData:
        """Ask the close or open schedule at an instant."""
        name = open_job_name("energy_demand") if opens else close_job_name("energy_demand")
        schedule = self.definitions.resolve_schedule_def(f"{name}_schedule")
        context = dg.build_schedule_context(
            instance=self.instance,
            scheduled_execution_time=now,
            repository_def=self.definitions.get_repository_def(),
        )
        with context:
            return schedule.evaluate_tick(context)

    def tick_sensor(self) -> SensorExecutionData:
        """Ask the retraining sensor."""
        sensor = self.definitions.resolve_sensor_def(retraining_sensor_name("energy_demand"))
        with dg.build_sensor_context(
            instance=self.instance, definitions=self.definitions
        ) as context:
            return sensor.evaluate_tick(context)
