"""Which training is meant: by version, by window, or the one in charge now."""

from mlops_dagster.errors import UnknownName
from mlops_dagster.notebook.names import unknown
from mlops_dagster.registry.champion import ChampionVersion, champion_in_charge, current_champion
from mlops_dagster.registry.ledger import Attempt, ModelLedger
from mlops_dagster.spec.workspace import ResolvedModel
from mlops_dagster.windows import WindowCalendar


def registered_attempt(
    ledger: ModelLedger,
    calendar: WindowCalendar | None,
    model: ResolvedModel,
    *,
    version: str | None,
    window: str | None,
) -> Attempt:
    """Return the attempt whose model is meant.

    Args:
        ledger: What happened to the model.
        calendar: The windows of its use case.
        model: The model.
        version: A version in the registry, champion or not.
        window: A window: the version that scores it. Without both, of the windows to come.

    Raises:
        UnknownName: There is no such version, or none in charge.
    """
    if version is not None and window is not None:
        raise UnknownName(
            "a version and a window are two ways to say which model",
            where=model.stream,
            expected="one of them",
        )
    if version is not None:
        found = ledger.by_version(version)
        if found is None:
            versions = [a.version for a in ledger.attempts.values() if a.version is not None]
            raise unknown("version", version, versions, where=model.stream)
        return found
    if window is not None:
        check_window(calendar, window, where=model.stream)
        opens = model.spec.predict.at == "open"
        return _of(ledger, champion_in_charge(ledger, calendar, window, opens=opens), window)
    return _of(ledger, current_champion(ledger, calendar), None)


def check_window(calendar: WindowCalendar | None, window: str, *, where: str) -> None:
    """Raise unless a text is the key of a window.

    Raises:
        UnknownName: It is none, or there are no windows.
    """
    if calendar is None:
        raise UnknownName(
            f"no window {window}", where=where, next_step="It has no windows: leave `window` out"
        )
    try:
        calendar.window(window)
    except ValueError as error:
        raise UnknownName(str(error), where=where) from error


def _of(ledger: ModelLedger, champion: ChampionVersion | None, window: str | None) -> Attempt:
    found = None
    if champion is not None:
        found = ledger.attempt(champion.cutoff_window, champion.bundle_digest)
    if found is None:
        raise UnknownName(
            "no model is in charge" if window is None else f"no model was in charge of {window}",
            where=ledger.model,
            next_step="Train one and see its gates, or name a version",
        )
    return found
