"""Scoring a window by the champion in charge of it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from mlops_dagster.features.labelled import MODEL_VERSION, PREDICTIONS
from mlops_dagster.features.row_counts import RowCounts
from mlops_dagster.features.scoring_rows import ScoringRows, scoring_rows
from mlops_dagster.lifecycle.place import Place
from mlops_dagster.registry.bundle import LoadedModel
from mlops_dagster.registry.champion import ChampionVersion
from mlops_dagster.serving.predictions import predictions_frame, predictions_here
from mlops_dagster.spec.refs import STATIC
from mlops_dagster.spec.workspace import ResolvedModel
from mlops_dagster.state.fence import InputVersion, SlicePublished, published
from mlops_dagster.tables.publish import publish_frame
from mlops_dagster.tables.slices import Part, Slice


@dataclass(frozen=True)
class WindowScored:
    """A window's predictions, and the counts of what they were made from."""

    champion: ChampionVersion
    published: SlicePublished
    counts: RowCounts


def score_window(
    session: SparkSession, place: Place, model: ResolvedModel, champion: ChampionVersion
) -> WindowScored:
    """Score the rows of a window and replace the champion's slice of it.

    Without windows a slice has no instant of its own: equal rows that this champion has scored
    before keep the scores, and the instant, of then.

    Raises:
        SourceError: The window's rows are not published.
        ModelRefused: The champion's files are not those that were registered.
    """
    with ThreadPoolExecutor(max_workers=1) as aside:
        # The libraries of a model take seconds to import, in which the server can work.
        loaded = aside.submit(place.load, champion)
        rows = scoring_rows(
            session,
            workspace=place.workspace,
            model=model,
            window=place.window,
            as_of=place.as_of,
            store=place.store,
            locations=place.locations,
        )
    ref, part = model.derived("serving", PREDICTIONS), Part(MODEL_VERSION, champion.version)
    target = Slice(ref, place.window, part)
    earlier = published(place.store, ref, place.window, champion.version)
    if (
        place.window == STATIC
        and earlier is not None
        and earlier.code_version == champion.bundle_digest
        and _contents(earlier.inputs) == _contents(rows.manifest)
        and place.locations.of(ref).exists(session)
    ):
        return WindowScored(champion, earlier, rows.counts)
    frame = _predictions(session, place, rows, loaded.result(), what=str(target))
    publication = publish_frame(
        session,
        frame=frame,
        target=target,
        as_of=place.as_of,
        store=place.store,
        locations=place.locations,
        run_id=place.run_id,
        code_version=champion.bundle_digest,
        inputs=rows.manifest,
    )
    return WindowScored(champion, publication.published, rows.counts)


def _predictions(
    session: SparkSession, place: Place, rows: ScoringRows, model: LoadedModel, *, what: str
) -> DataFrame:
    """Return the predictions of a window, computed here where its rows are few."""
    most = place.workspace.environment.scoring.client_rows
    found = None
    if rows.counts.rows - rows.counts.unknowable <= most:
        found = predictions_here(
            session, rows.frame, model, scored_at=place.as_of, what=what, limit_rows=most
        )
    if found is None:
        found = predictions_frame(rows.frame, model, scored_at=place.as_of)
    return found


def _contents(inputs: tuple[InputVersion, ...]) -> set[tuple[str, frozenset[tuple[str, str]]]]:
    """Return what was read, by digests: a table that was written again unchanged is the same."""
    return {(one.ref, frozenset(one.windows.items())) for one in inputs}
