"""The advice of alibi-detect on a closed window, where the environment asks for it."""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.engine.identifiers import quote
from mlops_dagster.engine.transfer import rows_to_client
from mlops_dagster.features.columns import SPLIT
from mlops_dagster.features.split import HOLDOUT
from mlops_dagster.lifecycle.place import Place, read_slice
from mlops_dagster.monitoring.baseline import Baseline
from mlops_dagster.monitoring.detectors import DetectorReport, advise, sample_rows
from mlops_dagster.registry.champion import ChampionVersion
from mlops_dagster.spec.workspace import ResolvedModel
from mlops_dagster.state.fence import published
from mlops_dagster.tables.slices import Slice


def advise_on_window(
    session: SparkSession,
    place: Place,
    model: ResolvedModel,
    *,
    champion: ChampionVersion,
    baseline: Baseline,
    predictions: DataFrame,
) -> DetectorReport | None:
    """Ask the environment's detectors about samples of the hold-out and of a window's rows.

    Two sorted scans, each of at most `SAMPLE_ROWS` rows to this process. The training set is read
    as it is published now; where it was made again since, its hold-out stands in for the first.

    Returns:
        None when the environment names no detectors, or the training set is gone.
    """
    detectors = place.workspace.environment.detectors
    target = Slice(model.derived("model", "training_set"), champion.cutoff_window)
    found = published(place.store, target.ref, target.window)
    if not detectors or found is None:
        return None
    features = [(c.name, c.kind) for c in baseline.grid.columns if c.role == "feature"]
    key = place.workspace.table(model.rows).spec.key
    names = dict.fromkeys([*key, *(name for name, _ in features)])
    columns = [F.col(quote(name)) for name in names]
    held_out = read_slice(session, place, target, found).where(F.col(SPLIT) == HOLDOUT)
    reference, window = (
        rows_to_client(sample_rows(rows.select(*columns), by=key), what=f"a sample of {target.ref}")
        for rows in (held_out, predictions)
    )
    return advise(reference, window, columns=features, detectors=detectors)
