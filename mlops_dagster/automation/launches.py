"""How often sensors and schedules try, and which runs count as tries."""

import dagster as dg

# A daemon that ended between making a run and launching it leaves one that was never started; asked
# for again under its key, Dagster launches that one.
LAUNCHED = [
    status for status in dg.DagsterRunStatus if status is not dg.DagsterRunStatus.NOT_STARTED
]
# What fails this often fails for a reason that another try does not cure.
MAXIMUM_TRIES = 3
