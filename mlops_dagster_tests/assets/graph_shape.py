"""The shape of a project's asset graph as plain values, for golden files.

After a change that is meant, write the golden files anew and review their difference:

    python -m mlops_dagster_tests.assets.graph_shape
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg

from mlops_dagster.definitions import build_definitions
from mlops_dagster_tests.energy_demand.write_project import write_energy_project

GOLDEN_FOLDER = Path(__file__).parent / "golden"
EXAMPLES_ROOT = Path(__file__).parents[2]

Json = str | int | None | Sequence["Json"] | Mapping[str, "Json"]


def example_definitions() -> dg.Definitions:
    """Return the definitions of this repository's project: the flagship and customer_churn."""
    return build_definitions(EXAMPLES_ROOT, "dev")


def energy_definitions(folder: Path) -> dg.Definitions:
    """Write the energy_demand project into a folder and return its definitions."""
    project = write_energy_project(folder, days=1)
    return build_definitions(project.root, project.environment)


def shape_of(definitions: dg.Definitions, use_case: str) -> Mapping[str, Json]:
    """Return keys, dependencies with windows, groups, kinds, owners, checks and automation.

    Of the assets of one use case and of the project's shared ones, and of the use case's jobs.
    """
    ours = (use_case, "project")
    prefix = f"{use_case}_"
    graph = definitions.resolve_asset_graph()
    return {
        "assets": {
            spec.key.to_user_string(): _asset(spec, graph.get_check_keys_for_assets({spec.key}))
            for spec in sorted(definitions.resolve_all_asset_specs(), key=lambda s: s.key)
            if spec.key.path[0] in ours
        },
        "jobs": {
            name: _job(definitions.resolve_job_def(name))
            for name in sorted(job.name for job in definitions.jobs or ())
            if name.startswith(prefix)
        },
        "schedules": {
            schedule.name: {
                "job": schedule.job_name,
                "cron": str(schedule.cron_schedule),
                "time_zone": schedule.execution_timezone,
                "status": schedule.default_status.value,
            }
            for schedule in definitions.schedules or ()
            if isinstance(schedule, dg.ScheduleDefinition) and schedule.name.startswith(prefix)
        },
        "sensors": {
            sensor.name: {
                "jobs": sorted(job.name for job in sensor.jobs),
                "seconds": sensor.minimum_interval_seconds,
                "status": sensor.default_status.value,
            }
            for sensor in definitions.sensors or ()
            if sensor.name.startswith(prefix)
        },
    }


def golden_text(definitions: dg.Definitions, use_case: str) -> str:
    """Return the shape as the golden files hold it."""
    return json.dumps(shape_of(definitions, use_case), indent=2, ensure_ascii=False) + "\n"


def _asset(spec: dg.AssetSpec, checks: Iterable[dg.AssetCheckKey]) -> Mapping[str, Json]:
    return {
        "group": spec.group_name,
        "kinds": ", ".join(sorted(spec.kinds)),
        "owners": ", ".join(spec.owners),
        "partitions": _partitions(spec.partitions_def),
        "deps": {dep.asset_key.to_user_string(): _windows(dep) for dep in spec.deps},
        "checks": sorted(check.name for check in checks),
    }


def _partitions(partitions: dg.PartitionsDefinition[str] | None) -> Json:
    if partitions is None:
        return None
    assert isinstance(partitions, dg.TimeWindowPartitionsDefinition)
    last = partitions.end
    return (
        f"{partitions.cron_schedule} {partitions.timezone}"
        f" from {partitions.start.strftime(partitions.fmt)}"
        f" {'on' if last is None else 'before ' + last.strftime(partitions.fmt)}"
        f", end offset {partitions.end_offset}"
    )


def _windows(dep: dg.AssetDep) -> Json:
    mapping = dep.partition_mapping
    if mapping is None:
        return "default"
    assert isinstance(mapping, dg.TimeWindowPartitionMapping)
    return f"windows {mapping.start_offset}..{mapping.end_offset}"


def _job(job: dg.JobDefinition) -> Mapping[str, Json]:
    return {
        "assets": sorted(key.to_user_string() for key in job.asset_layer.selected_asset_keys),
        "executor": job.executor_def.name,
        "partitions": _partitions(job.partitions_def),
    }


def _write_golden_files() -> None:
    GOLDEN_FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        for name, definitions in (
            ("flight_delays", example_definitions()),
            ("customer_churn", example_definitions()),
            ("energy_demand", energy_definitions(Path(folder))),
        ):
            path = GOLDEN_FOLDER / f"{name}.json"
            path.write_text(golden_text(definitions, name), encoding="utf-8")
            print(path)


if __name__ == "__main__":
    _write_golden_files()
