"""Which version is in charge: by cutoff window, never by alias.

So a back-fill of April is scored by the model that April had, whatever was promoted since.
"""

from dataclasses import dataclass
from datetime import datetime

from mlops_dagster.registry.ledger import Attempt, ModelLedger
from mlops_dagster.windows import WindowCalendar


@dataclass(frozen=True)
class ChampionVersion:
    """A promoted version and where it comes from."""

    model: str
    version: str
    bundle_digest: str
    cutoff_window: str
    model_uri: str
    promoted_as_of: datetime


def champion_for(
    ledger: ModelLedger, calendar: WindowCalendar | None, window: str
) -> ChampionVersion | None:
    """Return the version that scores a window: the newest promotion whose cutoff lies before it.

    Newest by cutoff window, then by promotion. Without a calendar the newest promotion.

    Args:
        ledger: What happened to the model.
        calendar: The calendar of the use case, None without windows.
        window: The window to be scored; ignored without a calendar.
    """
    if calendar is None:
        return _newest(ledger, None, ledger.champions)
    limit = calendar.index(window)
    before = [a for a in ledger.champions if calendar.index(a.cutoff_window) < limit]
    return _newest(ledger, calendar, tuple(before))


def champion_in_charge(
    ledger: ModelLedger, calendar: WindowCalendar | None, window: str, *, opens: bool
) -> ChampionVersion | None:
    """Return the version that scores a window, or None before the first promotion.

    A forecast, made as its window opens, may not use a model whose cutoff window closed only later.
    """
    champion = champion_for(ledger, calendar, window)
    if calendar is None or not opens:
        return champion
    due = calendar.as_of_open(window)
    while champion is not None and calendar.as_of_close(champion.cutoff_window) > due:
        # The promotion before it is the one in charge of its own cutoff window.
        champion = champion_for(ledger, calendar, champion.cutoff_window)
    return champion


def champion_to_beat(
    ledger: ModelLedger, calendar: WindowCalendar | None, *, cutoff_window: str, bundle_digest: str
) -> ChampionVersion | None:
    """Return the champion that a challenger is compared with: the one in charge before its cutoff.

    The challenger itself and later promotions never count, so a re-run meets the champion that it
    met at first.
    """
    if calendar is not None:
        return champion_for(ledger, calendar, cutoff_window)
    challenger = ledger.attempt(cutoff_window, bundle_digest)
    promoted_at = challenger.promoted_seq if challenger is not None else None
    earlier = tuple(
        a
        for a in ledger.champions
        if a.bundle_digest != bundle_digest
        and (promoted_at is None or (a.promoted_seq or 0) < promoted_at)
    )
    return _newest(ledger, None, earlier)


def champion_at_cutoff(ledger: ModelLedger, cutoff_window: str) -> ChampionVersion | None:
    """Return the version that was promoted at a cutoff window, or None."""
    found = tuple(a for a in ledger.champions if a.cutoff_window == cutoff_window)
    return _newest(ledger, None, found)


def current_champion(
    ledger: ModelLedger, calendar: WindowCalendar | None
) -> ChampionVersion | None:
    """Return the version that scores the windows to come, which the alias shows."""
    return _newest(ledger, calendar, ledger.champions)


def last_training_window(ledger: ModelLedger, calendar: WindowCalendar | None) -> str | None:
    """Return the newest cutoff window at which a training gave a model, or None."""
    cutoffs = {a.cutoff_window for a in ledger.trainings}
    if not cutoffs:
        return None
    return next(iter(cutoffs)) if calendar is None else max(cutoffs, key=calendar.index)


def _newest(
    ledger: ModelLedger, calendar: WindowCalendar | None, champions: tuple[Attempt, ...]
) -> ChampionVersion | None:
    if not champions:
        return None

    def order(attempt: Attempt) -> tuple[int, int]:
        place = 0 if calendar is None else calendar.index(attempt.cutoff_window)
        return place, attempt.promoted_seq or 0

    return _champion(ledger.model, max(champions, key=order))


def _champion(model: str, attempt: Attempt) -> ChampionVersion:
    if attempt.promoted is None or attempt.promoted_as_of is None or attempt.registered is None:
        raise ValueError(f"{model}: bundle {attempt.bundle_digest} is no champion")
    return ChampionVersion(
        model=model,
        version=attempt.promoted.version,
        bundle_digest=attempt.bundle_digest,
        cutoff_window=attempt.cutoff_window,
        model_uri=attempt.registered.model_uri,
        promoted_as_of=attempt.promoted_as_of,
    )
