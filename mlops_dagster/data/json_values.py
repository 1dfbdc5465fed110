"""Records of JSON files: objects, one a line or in one array, with numbers as they were written."""

import json
from collections.abc import Iterator

from mlops_dagster.data.landing import LandingFile
from mlops_dagster.data.text_files import open_text, text_lines
from mlops_dagster.errors import SourceError


def json_values(file: LandingFile) -> Iterator[object]:
    """Yield the values of a JSON array, or of each line; the line itself where it is no object.

    An object with one key twice is none: which of its values counts is not said.

    Raises:
        SourceError: The file cannot be read, or its array is not JSON.
    """
    if is_array(file):
        yield from _array(file)
        return
    with open_text(file) as text:
        for line in text_lines(file, text):
            if not line.strip():
                continue
            try:
                value = _loads(line)
            except ValueError:
                value = None
            yield value if isinstance(value, dict) else line.rstrip("\r\n")


def is_array(file: LandingFile) -> bool:
    """Tell whether a JSON file is one array, which may span lines."""
    with open_text(file) as text:
        for line in text_lines(file, text):
            if line.strip():
                return line.lstrip().startswith("[")
    return False


def json_text(value: object) -> str | None:
    """Return a value as the text that it is held against its column's type as."""
    if value is None or isinstance(value, str):
        return None if value is None else str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return _dumps(value)


def begins_with_object(record: object) -> bool:
    """Tell whether a record that is no object begins with one: Spark would read that and no more.

    Nor does Spark mind a key that occurs twice, or NaN.
    """
    if not isinstance(record, str) or not record.lstrip().startswith("{"):
        return False
    try:
        json.JSONDecoder().raw_decode(record.lstrip())
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def _array(file: LandingFile) -> Iterator[object]:
    with open_text(file) as text:
        whole = "".join(text_lines(file, text))
    try:
        values = _loads(whole)
    except ValueError as error:
        raise SourceError(
            "the file is not JSON",
            where=str(file),
            found=str(error),
            next_step="Deliver the file again: it was cut off or changed on its way",
        ) from error
    if isinstance(values, list):
        yield from values


def _loads(text: str) -> object:
    """Return the value of a text; numbers stay the text they were, so nothing is rounded yet.

    Raises:
        ValueError: It is not JSON, nested too deep, has a key twice, or half a surrogate pair.
    """
    try:
        value: object = json.loads(
            text,
            parse_float=_Number,
            parse_int=_Number,
            parse_constant=_no_number,
            object_pairs_hook=_object,
        )
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if "\\u" in text:
        _dumps(value).encode()
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has one key twice")
    return found


def _no_number(text: str) -> object:
    raise ValueError(f"{text} is no number in JSON")


class _Number(str):
    """A number as it was written."""

    __slots__ = ()


def _dumps(value: object) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        members = (f"{json.dumps(k, ensure_ascii=False)}:{_dumps(v)}" for k, v in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_dumps(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)
