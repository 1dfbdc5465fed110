"""Types whose every value another type holds without loss."""

import re

# Whole numbers by the digits they need at most.
_WHOLE = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 19}
# What a floating-point type holds exactly: whole numbers of so many digits, and narrower ones.
_EXACT = {"float": ("tinyint", "smallint"), "double": ("tinyint", "smallint", "int", "float")}
_DECIMAL = re.compile(r"decimal\(([0-9]{1,2}),([0-9]{1,2})\)")


def widens(narrow: str, wide: str) -> bool:
    """Tell whether each value of a type is one of another: `int` of `bigint`, not of `float`.

    Args:
        narrow: A type by its simple name, such as `int` or `decimal(10,2)`.
        wide: The type that should hold it.
    """
    if narrow == wide:
        return True
    if wide in _WHOLE:
        return narrow in _WHOLE and _WHOLE[narrow] < _WHOLE[wide]
    if wide in _EXACT:
        return narrow in _EXACT[wide]
    target, source = _DECIMAL.fullmatch(wide), _DECIMAL.fullmatch(narrow)
    if target is None:
        return False
    scale = int(target[2])
    room = int(target[1]) - scale
    if source is not None:
        return int(source[1]) - int(source[2]) <= room and int(source[2]) <= scale
    return narrow in _WHOLE and _WHOLE[narrow] <= room
