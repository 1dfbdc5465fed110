"""What sensors and schedules share: runs that are under way, tries, who is on from the start."""

import dagster as dg

from mlops_dagster.spec.workspace import Workspace

# Not those that were never launched: a daemon that ended right after making a run leaves one, and
# nobody would launch it any more.
RUNNING = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]

# A daemon that ended between making a run and launching it leaves one that was never started; asked
# for again under its key, Dagster launches that one.
LAUNCHED = [
    status for status in dg.DagsterRunStatus if status is not dg.DagsterRunStatus.NOT_STARTED
]
# What fails this often fails for a reason that another try does not cure.
MAXIMUM_TRIES = 3


def sensor_status(workspace: Workspace) -> dg.DefaultSensorStatus:
    """Return whether sensors are on from the start, as the environment says."""
    if workspace.environment.automation.sensors:
        return dg.DefaultSensorStatus.RUNNING
    return dg.DefaultSensorStatus.STOPPED
