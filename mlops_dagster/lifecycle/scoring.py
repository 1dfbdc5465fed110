"""Scoring a window by the champion in charge of it."""

from dataclasses import dataclass

from pyspark.sql import SparkSession

from mlops_dagster.features.labelled import MODEL_VERSION, PREDICTIONS
from mlops_dagster.features.scoring_rows import scoring_rows
from mlops_dagster.lifecycle.place import Place
from mlops_dagster.registry.champion import ChampionVersion
from mlops_dagster.serving.predictions import predictions_frame
from mlops_dagster.spec.workspace import ResolvedModel
from mlops_dagster.state.fence import SlicePublished
from mlops_dagster.tables.publish import publish_frame
from mlops_dagster.tables.slices import Part, Slice


@dataclass(frozen=True)
class WindowScored:
    """A window's predictions; `unknowable` rows were not known at their prediction time."""

    champion: ChampionVersion
    published: SlicePublished
    unknowable: int


def score_window(
    session: SparkSession, place: Place, model: ResolvedModel, champion: ChampionVersion
) -> WindowScored:
    """Score the rows of a window and replace the champion's slice of it.

    Raises:
        SourceError: The window's rows are not published.
        ModelRefused: The champion's files are not those that were registered.
    """
    rows = scoring_rows(
        session,
        workspace=place.workspace,
        model=model,
        window=place.window,
        as_of=place.as_of,
        store=place.store,
        locations=place.locations,
    )
    frame = predictions_frame(rows.frame, place.load(champion), scored_at=place.as_of)
    publication = publish_frame(
        session,
        frame=frame,
        target=Slice(
            model.derived("serving", PREDICTIONS),
            place.window,
            Part(MODEL_VERSION, champion.version),
        ),
        as_of=place.as_of,
        store=place.store,
        locations=place.locations,
        run_id=place.run_id,
        code_version=champion.bundle_digest,
        inputs=rows.manifest,
    )
    return WindowScored(champion, publication.published, rows.unknowable)
