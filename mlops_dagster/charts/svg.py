"""Pictures small enough for Dagster's UI to show them in place, and safe whatever the data hold.

Dagster shows Markdown inside a table of metadata while it is shorter than 1,000 characters, and
behind a click otherwise. So pictures are SVG in an address, drawn in whole pixels. Text passes two
gates: it is escaped for XML, and then everything that means something to Markdown or to an address
is percent-encoded. A browser runs no script in an SVG that is shown as a picture.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from urllib.parse import quote
from xml.sax.saxutils import escape

# Dagster's limit, exclusive.
INLINE_LENGTH = 1000

WIDTH = 400
_FONT = "font-size='11' font-family='sans-serif'"
# Not in XML 1.0 at all, not even escaped.
_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Point = tuple[int, int]


def document(parts: Iterable[str], *, height: int, width: int = WIDTH) -> str:
    """Return a picture on white ground, so that it reads in a dark page too."""
    size = f"width='{width}' height='{height}'"
    head = f"<svg xmlns='http://www.w3.org/2000/svg' {size} {_FONT} style='background:white'>"
    return f"{head}{''.join(parts)}</svg>"


def text(at: Point, words: str, *, fill: str = "", anchor: str = "") -> str:
    """Return words at a point: its left end, or its `middle` or `end`."""
    attributes = f"x='{at[0]}' y='{at[1]}'"
    if fill:
        attributes += f" fill='{fill}'"
    if anchor:
        attributes += f" text-anchor='{anchor}'"
    return f"<text {attributes}>{escape(_FORBIDDEN.sub('?', words))}</text>"


def path(drawn: str, *, stroke: str = "", fill: str = "none", more: str = "") -> str:
    """Return a path; `more` are further attributes."""
    if not drawn:
        return ""
    attributes = f" fill='{fill}'"
    if stroke:
        attributes += f" stroke='{stroke}'"
    return f"<path d='{drawn}'{attributes}{' ' + more if more else ''}/>"


def line(points: Sequence[Point]) -> str:
    """Return a path through points, in steps from one to the next: short numbers."""
    if not points:
        return ""
    drawn = f"M{points[0][0]} {points[0][1]}"
    for (x, y), (to_x, to_y) in pairwise(points):
        drawn += f"l{to_x - x} {to_y - y}"
    return drawn


def steps(start: Point, width: int, heights: Sequence[int]) -> str:
    """Return the outline of bars of one width that stand side by side, closed at the ground."""
    drawn, before = f"M{start[0]} {start[1]}", 0
    for height in heights:
        if height != before:
            drawn += f"v{before - height}"
        drawn += f"h{width}"
        before = height
    return f"{drawn}v{before}z"


def bars(ground: int, width: int, tops: Iterable[Point]) -> str:
    """Return bars of one width from the ground up; a point is the left end and the height."""
    return "".join(f"M{x} {ground}v{-height}h{width}v{height}" for x, height in tops)


def dots(points: Iterable[Point]) -> str:
    """Return a path of length nothing at each point: round line ends make dots of it."""
    return "".join(f"M{x} {y}h0" for x, y in points)


DOT = "stroke-width='5' stroke-linecap='round'"


def image(picture: str, words: str) -> str:
    """Return Markdown that shows a picture; `words` are read aloud instead of it."""
    # In angle brackets blanks may stand as they are; `&` would be an entity, `%` a code.
    address = quote(picture, safe=" ='/:;,.-")
    spoken = re.sub(r"[^\w ,.%-]", "", words)
    return f"![{spoken}](<data:image/svg+xml,{address}>)"


def fits(markdown: str) -> bool:
    """Tell whether Dagster shows this Markdown in place."""
    return len(markdown) < INLINE_LENGTH


def largest(draw: Callable[[int], str], most: int) -> str:
    """Return the Markdown of the most things that can be shown in place: `most`, or fewer."""
    for count in range(most, 1, -1):
        markdown = draw(count)
        if fits(markdown):
            return markdown
    return draw(1)


def clipped(words: str, length: int) -> str:
    """Return words of at most a length, the missing end shown by an ellipsis."""
    return words if len(words) <= length else f"{words[: length - 1]}…"
