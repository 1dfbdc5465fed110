"""Where a stage works: the workspace, its stores, and the slice and instant it runs for."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.errors import ModelRefused
from mlops_dagster.registry.bundle import LoadedModel, load_bundle
from mlops_dagster.registry.champion import ChampionVersion
from mlops_dagster.registry.tracking import BUNDLE_FOLDER, MlflowTracker
from mlops_dagster.spec.refs import STATIC
from mlops_dagster.spec.workspace import ResolvedModel, Workspace
from mlops_dagster.state.fence import SlicePublished
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.slices import WINDOW_COLUMN, Slice
from mlops_dagster.windows import WindowCalendar

# Models that this process has checked, by digest: the champion and the one before it.
_CHECKED: dict[str, LoadedModel] = {}
_MOST_CHECKED = 2


@dataclass(frozen=True)
class Place:
    """What every stage needs.

    Attributes:
        workspace: The resolved project.
        store: The event store.
        locations: Where tables lie.
        tracker: MLflow.
        window: The slice; `static` for use cases without windows.
        as_of: What became known later does not count.
        run_id: The run that writes.
    """

    workspace: Workspace
    store: EventStore
    locations: Locations
    tracker: MlflowTracker
    window: str
    as_of: datetime
    run_id: str

    def calendar(self, model: ResolvedModel) -> WindowCalendar | None:
        """Return the windows of a model's use case."""
        return self.workspace.use_cases[model.use_case].calendar

    def load(self, champion: ChampionVersion) -> LoadedModel:
        """Return a champion's model, checked against the digest in the ledger.

        A copy that was fetched before is read without asking MLflow, and one that this process has
        checked is not read again: the digest vouches for it.

        Raises:
            ModelRefused: Its files are not those that were registered.
            TrackingUnavailable: MLflow did not answer.
        """
        digest = champion.bundle_digest
        if digest not in _CHECKED:
            loaded = self._load(champion)
            while len(_CHECKED) >= _MOST_CHECKED:
                _CHECKED.pop(next(iter(_CHECKED)))
            _CHECKED[digest] = loaded
        return _CHECKED[digest]

    def _load(self, champion: ChampionVersion) -> LoadedModel:
        kept = self.downloads / champion.bundle_digest / BUNDLE_FOLDER
        if kept.exists():
            try:
                return load_bundle(kept, expected_digest=champion.bundle_digest)
            except ModelRefused:
                # Half fetched, or damaged since: it is fetched again.
                shutil.rmtree(kept)
        folder = self.tracker.download_bundle(
            champion.model, champion.version, self.downloads / champion.bundle_digest
        )
        return load_bundle(folder, expected_digest=champion.bundle_digest)

    def bundle_folder(self, model: ResolvedModel, contents: str) -> Path:
        """Return where a training of these contents writes its bundle before it is logged."""
        return self.workspace.state_folder / "bundles" / model.stream / self.window / contents

    @property
    def downloads(self) -> Path:
        """Where bundles of a tracking server are kept by digest."""
        return self.workspace.state_folder / "downloads"


def read_slice(
    session: SparkSession, place: Place, target: Slice, published: SlicePublished
) -> DataFrame:
    """Return the rows of a published slice at the version that published it."""
    rows = place.locations.of(target.ref).read(session, published.delta_version)
    conditions: Mapping[str, str] = target.literals
    for column, value in conditions.items():
        rows = rows.where(F.col(column) == value)
    return rows if target.window == STATIC else rows.drop(WINDOW_COLUMN)
