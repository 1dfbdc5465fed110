"""Reading pictures back: Markdown to SVG to elements."""

import re
from urllib.parse import unquote
from xml.etree import ElementTree

# What a shown picture may consist of: nothing here ends the link, the brackets or the line, opens
# a tag or begins an entity.
_MARKDOWN = re.compile(r"!\[[\w ,.%-]*\]\(<data:image/svg\+xml,([A-Za-z0-9 ='/:;,._~%-]*)>\)")
_SVG = "{http://www.w3.org/2000/svg}"
_ATTRIBUTES = {
    *("xmlns", "width", "height", "font-size", "font-family", "style", "x", "y", "fill"),
    *("text-anchor", "d", "stroke", "stroke-width", "stroke-linecap", "stroke-dasharray"),
}


def picture(markdown: str | None) -> ElementTree.Element:
    """Return the SVG of Markdown that is one safe picture and nothing else."""
    assert markdown is not None
    found = _MARKDOWN.fullmatch(markdown)
    assert found, markdown
    root = ElementTree.fromstring(unquote(found[1]))
    assert {element.tag for element in root.iter()} <= {
        f"{_SVG}{n}" for n in ("svg", "g", "text", "path")
    }
    assert {name for element in root.iter() for name in element.attrib} <= _ATTRIBUTES
    return root


def words(markdown: str | None) -> list[str]:
    """Return the texts of a picture."""
    return [element.text or "" for element in picture(markdown).iter(f"{_SVG}text")]


def paths(markdown: str | None, color: str) -> list[str]:
    """Return the paths that are drawn or filled in a color."""
    return [
        element.attrib["d"]
        for element in picture(markdown).iter(f"{_SVG}path")
        if color in (element.attrib.get("stroke"), element.attrib.get("fill"))
    ]
