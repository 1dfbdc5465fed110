"""One YAML file as a model with positions: what is wrong is reported, what is right stays."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic import ValidationError

from mlops_dagster.errors import nearest_name
from mlops_dagster.spec.base import SpecModel
from mlops_dagster.spec.cuts import Cuts
from mlops_dagster.spec.messages import Complaint, complaints_of
from mlops_dagster.spec.positions import (
    Document,
    Key,
    KeyPath,
    Position,
    read_document,
    show_path,
)
from mlops_dagster.spec.problems import Problem, ProblemList

Model = TypeVar("Model", bound=SpecModel)

# Removing a part may make its parent incomplete: one round a level, and the models are not deeper.
_ROUNDS = 12


@dataclass
class Source(Generic[Model]):
    """A file, its model without what is wrong (None when nothing is left), the places in it.

    Paths given to the methods are paths in the model; where wrong list items were left out, they
    are translated.
    """

    file: str
    document: Document
    problems: ProblemList
    model: Model | None = None
    damaged: set[KeyPath] = field(default_factory=set)
    _cuts: Cuts = field(default_factory=Cuts)

    def sound(self, *path: Key) -> bool:
        """Tell whether nothing at or below a path, nor above it, was reported as wrong."""
        place = self._original(path)
        return not any(
            place[: len(bad)] == bad or bad[: len(place)] == place for bad in self.damaged
        )

    def line(self, *path: Key) -> int:
        """Return the line in which a key or list item stands."""
        return self.document.key_position(self._original(path)).line

    def report(
        self,
        *path: Key,
        problem: str | None = None,
        expected: str | None = None,
        found: str | None = None,
        names: Iterable[str] = (),
        nearest_to: str | None = None,
        next_step: str | None = None,
        at_key: bool = False,
    ) -> None:
        """Record a mistake at a path, unless the value there is already known to be wrong.

        Args:
            path: Keys and list indices.
            problem: What is wrong, where expected and found do not say it.
            expected: What would have been right.
            found: What is there.
            names: Valid names, of which the one nearest to `nearest_to` is shown.
            nearest_to: The invalid name.
            next_step: What to do, where that does not follow from the rest.
            at_key: Whether the key is wrong rather than its value.
        """
        place = self._original(path)
        if any(place[: len(bad)] == bad for bad in self.damaged):
            return
        place = self._written(place)
        near = None if nearest_to is None else nearest_name(nearest_to, names)
        position = self._position(place, at_key=at_key)
        self.problems.add(
            Problem(
                file=self.file,
                line=position.line,
                column=position.column,
                key_path=show_path(place),
                problem=problem,
                expected=expected,
                found=found,
                nearest=None if near is None else f"'{near}'",
                next_step=next_step,
            )
        )

    def keys_at(self, *path: Key) -> tuple[str, ...]:
        """Return a mapping's keys, misspelt ones as meant, also those whose values are wrong."""
        try:
            place = self._original(path)
            data = self.document.at(place)
        except KeyError:
            return ()
        if not isinstance(data, dict):
            return ()
        return tuple(self._cuts.renamed.get((*place, key), key) for key in data)

    def repeats(self, *path: Key) -> bool:
        """Tell whether a key of the mapping at a path stands twice."""
        return any(
            mistake.repeated and mistake.path[:-1] == path for mistake in self.document.mistakes
        )

    def _complain(self, complaint: Complaint, place: KeyPath) -> None:
        position = self._position(place, at_key=complaint.at_key)
        self.problems.add(
            Problem(
                file=self.file,
                line=position.line,
                column=position.column,
                key_path=show_path(place),
                expected=complaint.expected,
                found=complaint.found,
                nearest=complaint.nearest,
            )
        )

    def _position(self, place: KeyPath, *, at_key: bool) -> Position:
        return self.document.key_position(place) if at_key else self.document.position(place)

    def _written(self, place: KeyPath) -> KeyPath:
        """Return a path up to the scalar that is the short form of what it leads into."""
        for length in range(len(place)):
            try:
                value = self.document.at(place[:length])
            except KeyError:
                return place
            if not isinstance(value, (dict, list)):
                return place[:length]
        return place

    def _original(self, path: KeyPath) -> KeyPath:
        """Translate a path of the model to one of the file."""
        return self._cuts.original(path)


def read_source(
    content: bytes, model: type[Model], *, file: str, problems: ProblemList
) -> Source[Model]:
    """Read a YAML file as a model, reporting every mistake.

    Args:
        content: The bytes of the file.
        model: What it should be.
        file: The name shown in messages.
        problems: Where mistakes go.
    """
    document = read_document(content)
    source: Source[Model] = Source(file, document, problems)
    for mistake in document.mistakes:
        problems.add(
            Problem(
                file=file,
                line=mistake.position.line,
                column=mistake.position.column,
                key_path=show_path(mistake.path),
                problem=mistake.problem,
            )
        )
        if mistake.lost and mistake.path:
            source.damaged.add(mistake.path)
    if document.data is None and document.mistakes:
        return source
    _validate(source, model)
    return source


def _validate(source: Source[Model], model: type[Model]) -> None:
    """Validate, report the first round's complaints, cut wrong parts until the rest is a model."""
    cuts = source._cuts
    cuts.removed = {path for path in source.damaged if path}
    for number in range(_ROUNDS):
        data = cuts.apply(source.document.data)
        try:
            source.model = model.model_validate(data)
            return
        except ValidationError as error:
            complaints = complaints_of(error, model, data)
        for complaint in complaints:
            place = cuts.original(complaint.path)
            if complaint.missing is not None:
                gap = (*place, complaint.missing)
                known = place not in source.document.incomplete
                if number == 0 and known and gap not in source.damaged:
                    source._complain(complaint, place)
                if complaint.substitute is not None:
                    source.damaged.add(gap)
                    cuts.removed.discard(gap)
                    cuts.replaced[gap] = complaint.substitute
                else:
                    source.damaged.add(place)
                    cuts.removed.add(place)
            else:
                if number == 0:
                    source._complain(complaint, place)
                if not cuts.cut(complaint, place):
                    source.damaged.add(place)
        if () in cuts.removed:
            return
