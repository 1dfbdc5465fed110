"""The example of docs/own_code.md: a user's assets with windows, resource and IO manager."""

import runpy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from mlops_dagster import open_workspace
from mlops_dagster_tests.docs.pages import ROOT, write_files
from mlops_dagster_tests.end_to_end.conftest import DAYS, Lived
from mlops_dagster_tests.end_to_end.live_project import metadata_of
from mlops_dagster_tests.end_to_end.test_loop import sound

pytestmark = pytest.mark.long

PAGE = ROOT / "docs" / "own_code.md"


@dataclass(frozen=True)
class Own:
    """What the example's job made of the second and third day."""

    definitions: dg.Definitions
    results: Mapping[str, dg.ExecuteInProcessResult]
    folder: Path


@pytest.fixture(scope="module")
def own(lived: Lived, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    folder = tmp_path_factory.mktemp("own")
    (written,) = write_files(PAGE, folder)
    (folder / "bills").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_DAGSTER_ROOT", str(lived.project.workspace.root))
        patch.chdir(folder)
        definitions = runpy.run_path(str(written))["defs"]
        job = definitions.resolve_job_def("energy_bills")
        results = {
            day: job.execute_in_process(
                instance=lived.project.instance, partition_key=day, raise_on_error=False
            )
            for day in DAYS[:2]
        }
        yield Own(definitions, results, folder)


def costs_of(number: int) -> dict[str, float]:
    """What each household pays for a day, from the world that the readings were written from."""
    return {household: reading.kwh * 0.3 for household, reading in sound(number).items()}


def test_the_examples_assets_stand_beside_the_declared_ones_in_one_graph(own: Own) -> None:
    graph = own.definitions.resolve_asset_graph()
    costs = dg.AssetKey(["energy_demand", "gold", "costs"])
    assert graph.get(costs).parent_keys == {dg.AssetKey(["energy_demand", "bronze", "readings"])}
    assert graph.get(costs).child_keys == {dg.AssetKey("two_days")}
    assert (
        dg.AssetKey(["energy_demand", "model", "daily_use_champion"]) in graph.get_all_asset_keys()
    )


def test_an_asset_between_tables_reads_its_window_and_publishes_its_own(
    own: Own, lived: Lived
) -> None:
    assert all(result.success for result in own.results.values())
    with open_workspace(root=lived.project.workspace.root) as opened:
        rows = opened.to_pandas(opened.table("gold.costs", window=DAYS[1]))
    assert set(rows["window"]) == {DAYS[1]}
    expected = costs_of(1)
    assert dict(zip(rows["household"], rows["euro"], strict=True)) == pytest.approx(expected)
    shown = metadata_of(own.results[DAYS[1]], "energy_demand", "gold", "costs")
    assert shown["dagster/partition_row_count"] == len(expected)


def test_an_asset_after_it_looks_back_and_is_kept_by_the_users_own_io_manager(own: Own) -> None:
    first, second = costs_of(0), costs_of(1)
    both = {h: first.get(h, 0) + second.get(h, 0) for h in {*first, *second}}
    for day, expected in ((DAYS[0], first), (DAYS[1], both)):
        bill = pd.read_csv(own.folder / "bills" / f"{day}.csv")
        assert dict(zip(bill["household"], bill["euro"], strict=True)) == pytest.approx(expected)
