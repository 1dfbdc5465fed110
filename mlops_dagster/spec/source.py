"""One YAML file as a model with positions: what is wrong is reported, what is right is still there to be resolved."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic import ValidationError

from mlops_dagster.errors import nearest_name
from mlops_dagster.spec.base import SpecModel
from mlops_dagster.spec.messages import Complaint, complaints_of
from mlops_dagster.spec.positions import Data, Document, Key, KeyPath, read_document, show_path
from mlops_dagster.spec.problems import Problem, ProblemList

Model = TypeVar("Model", bound=SpecModel)

# Removing a part may make its parent incomplete: one round a level, and the models are not deeper.
_ROUNDS = 12


@dataclass
class Source(Generic[Model]):
    """A file, its model without the parts that are wrong (None when nothing is left), and the places in it.

    Paths given to the methods are paths in the model; where wrong list items were left out, they are translated.
    """

    file: str
    document: Document
    problems: ProblemList
    model: Model | None = None
    damaged: set[KeyPath] = field(default_factory=set)
    _cuts: "_Cuts" = field(default_factory=lambda: _Cuts())

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
            at_key: Whether the key is wrong rather than its value.
        """
        place = self._original(path)
        if any(place[: len(bad)] == bad for bad in self.damaged):
            return
        near = None if nearest_to is None else nearest_name(nearest_to, names)
        self._add(place, problem, expected, found, None if near is None else f"'{near}'", at_key)

    def keys_at(self, *path: Key) -> tuple[str, ...]:
        """Return the keys written in a mapping, also those whose values are wrong."""
        try:
            data = self.document.at(path)
        except KeyError:
            return ()
        return tuple(data) if isinstance(data, dict) else ()

    def _add(
        self,
        place: KeyPath,
        problem: str | None,
        expected: str | None,
        found: str | None,
        nearest: str | None,
        at_key: bool,
    ) -> None:
        position = self.document.key_position(place) if at_key else self.document.position(place)
        self.problems.add(
            Problem(
                file=self.file,
                line=position.line,
                column=position.column,
                key_path=show_path(place),
                problem=problem,
                expected=expected,
                found=found,
                nearest=nearest,
            )
        )

    def _complain(self, complaint: Complaint, place: KeyPath) -> None:
        self._add(
            place,
            None,
            complaint.expected,
            complaint.found,
            complaint.nearest,
            complaint.at_key,
        )

    def _original(self, path: KeyPath) -> KeyPath:
        """Translate a path of the model to one of the file."""
        return self._cuts.original(path)


@dataclass
class _Cuts:
    """What of a document is left out, replaced or renamed for its model; all paths are the file's."""

    removed: set[KeyPath] = field(default_factory=set)
    replaced: dict[KeyPath, Data] = field(default_factory=dict)
    renamed: dict[KeyPath, str] = field(default_factory=dict)
    _kept_items: dict[KeyPath, list[int]] = field(default_factory=dict)
    _old_keys: dict[tuple[KeyPath, str], str] = field(default_factory=dict)

    def apply(self, data: Data, path: KeyPath = ()) -> Data:
        """Return a copy of the data with the cuts made."""
        if path in self.replaced:
            return self.replaced[path]
        if isinstance(data, dict):
            return self._mapping(data, path)
        if isinstance(data, list):
            left = [number for number in range(len(data)) if (*path, number) not in self.removed]
            self._kept_items[path] = left
            return [self.apply(data[number], (*path, number)) for number in left]
        return data

    def original(self, path: KeyPath) -> KeyPath:
        """Translate a path of the copy to one of the file."""
        found: KeyPath = ()
        for key in path:
            if isinstance(key, int):
                kept = self._kept_items.get(found)
                found = (*found, key if kept is None or key >= len(kept) else kept[key])
            else:
                found = (*found, self._old_keys.get((found, key), key))
        return found

    def cut(self, complaint: Complaint, place: KeyPath) -> None:
        """Take a wrong part out of the way in the gentlest manner not yet tried."""
        if complaint.substitute is not None and place not in self.replaced:
            self.replaced[place] = complaint.substitute
        elif complaint.rename is not None and place not in self.renamed:
            self.renamed[place] = complaint.rename
        else:
            self.replaced.pop(place, None)
            self.removed.add(place)

    def _mapping(self, data: dict[str, Data], path: KeyPath) -> Data:
        copy: dict[str, Data] = {}
        for key, value in data.items():
            place = (*path, key)
            new = self.renamed.get(place, key)
            if place in self.removed or (new != key and (new in data or new in copy)):
                continue
            copy[new] = self.apply(value, place)
            self._old_keys[path, new] = key
        for place, value in self.replaced.items():
            last = place[-1]
            if place[:-1] == path and isinstance(last, str) and last not in data:
                copy.setdefault(last, value)
        return copy


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
        if mistake.lost:
            source.damaged.add(mistake.path)
    if document.data is None and document.mistakes:
        return source
    _validate(source, model)
    return source


def _validate(source: Source[Model], model: type[Model]) -> None:
    """Validate, report the first round's complaints, and cut wrong parts until the rest is a model."""
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
                if number == 0 and gap not in source.damaged:
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
                source.damaged.add(place)
                cuts.cut(complaint, place)
        if () in cuts.removed:
            return
