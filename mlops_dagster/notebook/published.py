"""Which published rows are meant, and what is said when there are none."""

from collections.abc import Collection
from datetime import datetime

from mlops_dagster.errors import SourceError
from mlops_dagster.registry.ledger import Attempt
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.workspace import ResolvedModel
from mlops_dagster.state.fence import SlicePublished, slice_publications
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.past import PastTable, pin_past

# A message names this many missing windows.
_SHOWN = 5


def past_table(
    store: EventStore,
    ref: TableRef,
    *,
    windows: Collection[str] | None,
    as_of: datetime | None,
    published_by: datetime | None,
) -> PastTable:
    """Return the published windows of a table: those asked for, or all.

    Raises:
        SourceError: One that is asked for was not published then, or nothing was.
    """
    past = pin_past(store, ref, as_of=as_of, published_by=published_by, windows=windows)
    missing = sorted(set(windows or ()) - set(past.windows if past is not None else ()))
    if past is not None and not missing:
        return past
    shown = ", ".join(missing[:_SHOWN]) + (", ..." if len(missing) > _SHOWN else "")
    then = "" if as_of is None and published_by is None else " then"
    first = [p[0][0] for p in slice_publications(store, ref).values()] if then else []
    raise SourceError(
        f"nothing was published{then}" + (f" for {shown}" if shown else ""),
        where=str(ref),
        found=(
            f"{min(s.as_of for s in first).isoformat()} as the first instant that was decided, "
            f"written {min(s.at for s in first).isoformat()}"
            if first
            else None
        ),
        next_step=None if first else f"Run {ref} first",
    )


def training_publication(
    store: EventStore, model: ResolvedModel, *, cutoff: str, attempt: Attempt | None
) -> SlicePublished:
    """Return what was published of the training set of a cutoff: what the attempt was trained on.

    Without an attempt, as where a training was refused, the newest.

    Raises:
        SourceError: There is none, or none that the attempt was trained on.
    """
    ref = model.derived("model", "training_set")
    publications = [p for _, p in slice_publications(store, ref).get((cutoff, None), ())]
    if attempt is not None and attempt.trained is not None:
        digest = attempt.trained.training_digest
        publications = [p for p in publications if p.digest == digest]
    if not publications:
        cutoffs = sorted(window for window, _ in slice_publications(store, ref))
        raise SourceError(
            "there is no training set of this cutoff",
            where=f"{ref} {cutoff}",
            next_step=f"There are those of {', '.join(cutoffs)}" if cutoffs else f"Run {ref} first",
        )
    return publications[-1]
