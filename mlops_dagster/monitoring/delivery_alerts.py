"""Alerts about deliveries: refused whole, come late, come too late.

A text names the table, the problem, windows and files, never what is in them, and is cut to a
length. Files that came late are told of together: one that has rows of many windows is one alert.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from mlops_dagster.data.file_digests import DeliveredFile, each_once
from mlops_dagster.monitoring.alerts import Alert
from mlops_dagster.monitoring.delivery_occurrences import Occurrence, What
from mlops_dagster.spec.base import Severity
from mlops_dagster.spec.refs import TableRef

LONGEST_TEXT = 400
_SHOWN = 3
_WINDOWS_SHOWN = 12
_LONGEST_PART = 80


def delivery_alerts(ref: TableRef, untold: Sequence[Occurrence]) -> list[tuple[Alert, datetime]]:
    """Return the alerts that tell of occurrences, each with its instant; gravest first.

    Args:
        ref: The table.
        untold: What is to be told, each once.
    """
    see = f"see `mlops-dagster deliveries --table {ref}`"
    return [
        *(_refused(ref, one, see) for one in untold if one.what is What.REFUSED),
        *_come(ref, [one for one in untold if one.what is What.TOO_LATE], see),
        *_come(ref, [one for one in untold if one.what is What.LATE]),
    ]


def _refused(ref: TableRef, one: Occurrence, see: str) -> tuple[Alert, datetime]:
    what = f"refused whole: {one.problem or 'it cannot be read'}{_cause(one)}"
    alert = Alert(
        one.what.kind,
        Severity.ERROR,
        model="",
        window=one.window,
        text=_bounded(what, see),
        table=str(ref),
        tells_of=(one.name,),
    )
    return alert, one.as_of


def _come(
    ref: TableRef, found: Sequence[Occurrence], see: str = ""
) -> Iterator[tuple[Alert, datetime]]:
    """Yield one alert about files that came late, or too late, whatever windows they are of."""
    if not found:
        return
    what = found[0].what
    windows = sorted({one.window for one in found})
    files = _names(each_once([file for one in found for file in one.files]))
    many = f"{len(windows)} windows ({_listed(windows, _WINDOWS_SHOWN)})"
    if what is What.TOO_LATE:
        of_many = "" if len(windows) == 1 else f" for {many}"
        text = f"came too late{of_many} and is not taken in: {files}"
    else:
        taken = "is taken in now" if len(windows) == 1 else f"re-opens {many}"
        text = f"came late and {taken}: {files}"
    alert = Alert(
        what.kind,
        Severity.WARNING if what is What.TOO_LATE else Severity.INFO,
        model="",
        window=windows[-1],
        text=_bounded(text, see),
        table=str(ref),
        windows=tuple(windows) if len(windows) > 1 else (),
        tells_of=tuple(sorted(one.name for one in found)),
    )
    yield alert, max(one.as_of for one in found)


def _cause(one: Occurrence) -> str:
    if one.differences:
        return f" ({_listed([text[:_LONGEST_PART] for text in one.differences])})"
    return f" ({_names(one.files)})" if one.files else ""


def _names(files: Sequence[DeliveredFile]) -> str:
    # The end of a path tells files apart.
    return _listed([file.path[-_LONGEST_PART:] for file in files])


def _listed(texts: Sequence[str], shown: int = _SHOWN) -> str:
    more = len(texts) - shown
    return ", ".join(texts[:shown]) + (f" and {more} more" if more > 0 else "")


def _bounded(text: str, end: str = "") -> str:
    """Return a text on one line that is not too long with what stands at its end."""
    line, end = " ".join(text.split()), f"; {end}" if end else ""
    room = LONGEST_TEXT - len(end)
    return f"{line if len(line) <= room else f'{line[: room - 3]}...'}{end}"
