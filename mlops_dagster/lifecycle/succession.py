"""The first champion and a later one on the same past windows: what retraining gained."""

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.engine.identifiers import quote
from mlops_dagster.engine.transfer import rows_to_client
from mlops_dagster.features.columns import DAY, EVENT_TIME, LABEL, LABEL_STATE, WINDOW
from mlops_dagster.features.labelled import MODEL_VERSION, labelled_predictions
from mlops_dagster.features.maturity import LabelState
from mlops_dagster.lifecycle.place import Place
from mlops_dagster.monitoring.succession import Succession, succession, windows_to_compare
from mlops_dagster.registry.champion import ChampionVersion, champion_at_cutoff, champion_for
from mlops_dagster.registry.ledger import ModelLedger, read_ledger
from mlops_dagster.spec.models import Task
from mlops_dagster.spec.workspace import ResolvedModel
from mlops_dagster.tables.instants import local_date
from mlops_dagster.windows import WindowCalendar


@dataclass(frozen=True)
class Successors:
    """The first version that was promoted, the newest that enough windows follow, and both on them.

    They are the same version, and differ by nothing, when no later one has enough windows.
    """

    first: ChampionVersion
    later: ChampionVersion
    compared: Succession


def compare_successors(
    session: SparkSession, place: Place, model: ResolvedModel, calendar: WindowCalendar
) -> Successors | None:
    """Score the windows after the newest possible champion's cutoff by it and by the first one.

    Both score the rows as the champion in charge had them, features included; nothing is written.

    Args:
        session: A Spark session.
        place: Its window is the last one that counts, its as_of says which labels are known.
        model: A binary model.
        calendar: The windows of its use case.

    Returns:
        None when no version has three scored windows after its cutoff.

    Raises:
        MonitoringError: A window has labelled rows of one class only.
        ModelRefused: A version's files are not those that were registered.
    """
    if model.spec.task is not Task.BINARY:
        return None
    ledger = read_ledger(place.store, model.stream)
    champions = _champions(ledger, calendar)
    in_charge = {
        window.key: champion.version
        for window in calendar.between(calendar.first, place.window)
        if (champion := champion_for(ledger, calendar, window.key)) is not None
    }
    cutoffs = {champion.version: champion.cutoff_window for champion in champions}
    chosen = windows_to_compare(cutoffs, tuple(in_charge))
    if chosen is None:
        return None
    version, windows = chosen
    first, later = champions[0], next(c for c in champions if c.version == version)
    rows = _rows(session, place, model, {window: in_charge[window] for window in windows})
    loaded = {"earlier": place.load(first), "later": place.load(later)}
    features = sorted({name for one in loaded.values() for name, _ in one.info.column_kinds})
    # A feature may be called as one of the other columns.
    fetched = {f"feature_{number}": name for number, name in enumerate(features)}
    day = local_date(F.col(EVENT_TIME), calendar.time_zone).cast("string").alias(DAY)
    found = rows_to_client(
        rows.select(
            WINDOW,
            F.col(LABEL).cast("int").alias(LABEL),
            day,
            *(F.col(quote(name)).alias(alias) for alias, name in fetched.items()),
        ),
        what=f"labelled predictions of two versions of {model.stream}",
    )
    values = found[list(fetched)].rename(columns=fetched)
    for name, one in loaded.items():
        found[name] = one.predict(values)["score"]
    by_window = {window: found[found[WINDOW] == window] for window in windows}
    return Successors(first, later, succession(by_window))


def _champions(ledger: ModelLedger, calendar: WindowCalendar) -> list[ChampionVersion]:
    """Return what was promoted at each cutoff, oldest cutoff first."""
    cutoffs = sorted({a.cutoff_window for a in ledger.champions}, key=calendar.index)
    found = (champion_at_cutoff(ledger, cutoff) for cutoff in cutoffs)
    return [champion for champion in found if champion is not None]


def _rows(
    session: SparkSession, place: Place, model: ResolvedModel, versions: dict[str, str]
) -> DataFrame:
    """Return the labelled rows of each window as one version, the one in charge, scored them."""
    labelled = labelled_predictions(
        session,
        workspace=place.workspace,
        model=model,
        windows=tuple(versions),
        as_of=place.as_of,
        store=place.store,
        locations=place.locations,
    ).frame
    of_charge = reduce(
        lambda either, one: either | one,
        (
            (F.col(WINDOW) == window) & (F.col(MODEL_VERSION) == version)
            for window, version in versions.items()
        ),
    )
    return labelled.where(of_charge & (F.col(LABEL_STATE) == LabelState.LABELLED.value))
