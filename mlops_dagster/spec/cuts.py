"""Leaving out of a document what is wrong, so that the rest of it can still be checked."""

from dataclasses import dataclass, field

from mlops_dagster.spec.messages import Complaint
from mlops_dagster.spec.positions import Data, KeyPath


@dataclass
class Cuts:
    """What of a document is left out, replaced or renamed for its model, by paths of the file."""

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

    def cut(self, complaint: Complaint, place: KeyPath) -> bool:
        """Take a wrong part out as gently as possible; tell if its value is still there."""
        if complaint.rename is not None and place not in self.renamed:
            self.renamed[place] = complaint.rename
            return True
        if complaint.substitute is not None and place not in self.replaced:
            self.replaced[place] = complaint.substitute
        else:
            self.replaced.pop(place, None)
            self.removed.add(place)
        return False

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
