"""The calendars of use cases, and what is wrong with their `windows`."""

from collections.abc import Mapping
from dataclasses import dataclass

from mlops_dagster.spec.files import Owner, WorkspaceFiles
from mlops_dagster.spec.use_case import UseCase
from mlops_dagster.windows import WindowCalendar


@dataclass(frozen=True)
class Calendars:
    """Calendars by owner, None for no windows. Owners with wrong `windows` are not in it."""

    by_owner: Mapping[str, WindowCalendar | None]

    def of(self, owner: str) -> WindowCalendar | None:
        """Return an owner's calendar, or None when it has no windows or wrong ones."""
        return self.by_owner.get(owner)

    def known(self, owner: str) -> bool:
        """Tell whether it is known which windows an owner has."""
        return owner in self.by_owner


def calendars_of(files: WorkspaceFiles) -> Calendars:
    """Return the calendar of each owner, reporting keys that are no windows of their grain."""
    found: dict[str, WindowCalendar | None] = {}
    for owner in files.owners():
        model = owner.source.model
        if not isinstance(model, UseCase):
            found[owner.name] = None
        elif owner.source.sound("windows"):
            _read(owner, model, found)
    return Calendars(found)


def _read(owner: Owner, model: UseCase, found: dict[str, WindowCalendar | None]) -> None:
    windows = model.windows
    if windows is None:
        found[owner.name] = None
        return
    try:
        windows.model_copy(update={"last": None}).calendar()
    except ValueError as error:
        owner.source.report("windows", "first", problem=str(error))
        return
    try:
        found[owner.name] = windows.calendar()
    except ValueError as error:
        owner.source.report("windows", "last", problem=str(error))
