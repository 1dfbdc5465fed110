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
_STYLE = "background:white;font:11px sans-serif"
# Not in XML 1.0 at all, not even escaped.
_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Point = tuple[int, int]


def document(parts: Iterable[str], *, height: int, width: int = WIDTH) -> str:
    """Return a picture on white ground, so that it reads in a dark page too."""
    size = f"width='{width}' height='{height}'"
    head = f"<svg xmlns='http://www.w3.org/2000/svg' {size} style='{_STYLE}'>"
    return f"{head}{''.join(parts)}</svg>"


def text(at: Point, words: str, *, fill: str = "", end: bool = False) -> str:
    """Return words that begin at a point, or end there."""
    attributes = f"x='{at[0]}' y='{at[1]}'"
    if fill:
        attributes += f" fill='{fill}'"
    if end:
        attributes += " text-anchor='end'"
    return f"<text {attributes}>{escape(_FORBIDDEN.sub('?', words))}</text>"


def centred(parts: Iterable[str]) -> str:
    """Return texts that have their points in their middle."""
    return f"<g text-anchor='middle'>{''.join(parts)}</g>"


def path(drawn: str, *, stroke: str = "", fill: str = "", more: str = "") -> str:
    """Return a path; `more` are further attributes.

    Without `fill` what the path encloses is black: straight lines enclose nothing.
    """
    if not drawn:
        return ""
    attributes = "".join(
        f" {name}='{value}'" for name, value in (("fill", fill), ("stroke", stroke)) if value
    )
    return f"<path d='{drawn}'{attributes}{' ' + more if more else ''}/>"


def line(points: Sequence[Point]) -> str:
    """Return a path through points, in steps from one to the next: short numbers."""
    if not points:
        return ""
    # A minus parts two numbers as well as a blank does.
    drawn = [
        f"{to_x - x}{to_y - y if to_y < y else f' {to_y - y}'}"
        for (x, y), (to_x, to_y) in pairwise(points)
    ]
    return f"M{points[0][0]} {points[0][1]}{'l' if drawn else ''}{' '.join(drawn)}"


def steps(start: Point, width: int, heights: Sequence[int]) -> str:
    """Return the outline of bars of one width that stand side by side, closed at the ground."""
    drawn, before = f"M{start[0]} {start[1]}", 0
    for height in heights:
        if height != before:
            drawn += f"v{before - height}"
        drawn += f"h{width}"
        before = height
    return f"{drawn}v{before}z"


def uprights(spans: Iterable[tuple[int, int, int]]) -> str:
    """Return an upright line a span: where it stands, and its ends."""
    return "".join(f"M{x} {low}v{high - low}" for x, low, high in spans)


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
