"""Which keys a mapping may have at a place of a model, to name the nearest to an unknown one."""

import types
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Tag


def field_names(model: type[BaseModel], loc: tuple[int | str, ...]) -> tuple[str, ...]:
    """Return the keys of the mapping at a location of pydantic's, empty when it is no model.

    Of a union that is not decided yet, only the keys that all its forms have.

    Args:
        model: The model of the whole document.
        loc: The location as pydantic gives it, with the tags of unions.
    """
    candidates: list[object] = [model]
    for key in loc:
        entered = [inner for candidate in candidates for inner in _enter(candidate, key)]
        candidates = entered or [c for c in candidates if _is_tagged(c, key)]
    models = [
        bare
        for bare in map(_bare, _flat(candidates))
        if isinstance(bare, type) and issubclass(bare, BaseModel)
    ]
    names = [
        [field.alias or name for name, field in found.model_fields.items()] for found in models
    ]
    common = set(names[0]).intersection(*names) if names else set()
    return tuple(name for name in names[0] if name in common) if names else ()


def _enter(annotation: object, key: int | str) -> list[object]:
    """Return the annotations of what lies under `key`, one for each form that has it."""
    bare = _bare(annotation)
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        return [
            inner
            for name, field in bare.model_fields.items()
            if key == (field.alias or name)
            for inner in _flat([field.annotation])
        ]
    if get_origin(bare) is list and isinstance(key, int):
        return _flat([get_args(bare)[0]])
    if get_origin(bare) is dict and isinstance(key, str):
        return _flat([get_args(bare)[1]])
    return []


def _flat(annotations: list[object]) -> list[object]:
    """Return the members of unions in place of the unions."""
    found: list[object] = []
    for annotation in annotations:
        bare = _bare(annotation)
        if get_origin(bare) in (Union, types.UnionType):
            found.extend(_flat(list(get_args(bare))))
        else:
            found.append(annotation)
    return found


def _is_tagged(annotation: object, tag: int | str) -> bool:
    """Tell whether a member of a union is the one that pydantic calls `tag`."""
    if get_origin(annotation) is Annotated:
        return any(isinstance(m, Tag) and m.tag == tag for m in get_args(annotation)[1:])
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return False
    return any(
        get_origin(field.annotation) is Literal and tag in get_args(field.annotation)
        for field in annotation.model_fields.values()
    )


def _bare(annotation: object) -> object:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
