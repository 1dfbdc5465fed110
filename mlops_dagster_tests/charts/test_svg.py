"""Pictures in Markdown: nothing that data hold can leave the picture."""

from hypothesis import given
from hypothesis import strategies as st

from mlops_dagster.charts.svg import document, fits, image, largest, line, steps, text
from mlops_dagster_tests.charts.pictures import picture, words

HOSTILE = (
    "<script>alert(1)</script>",
    "a|b",
    "`code`",
    "](javascript:alert(1))",
    ">) <img src=x onerror=alert(1)>",
    "&lt;script&gt;",
    "%3Cscript%3E",
    "\\>",
    "'/><script/>",
    '"',
    "a\n\nb",
    "#",
    "\x00\x08\ud800",
    "]]>",
)


@given(st.text() | st.sampled_from(HOSTILE))
def test_any_text_stands_in_the_picture_and_nowhere_else(told: str) -> None:
    markdown = image(document([text((1, 2), told)], height=10), told)
    (shown,) = words(markdown)
    # XML reads line ends alike and has no other control characters.
    plain = told.replace("\r\n", "\n").replace("\r", "\n")
    assert len(shown) == len(plain)
    assert all(a == b or a == "?" for a, b in zip(shown, plain, strict=True))


def test_a_line_ends_where_its_last_point_is() -> None:
    assert line([(1, 2), (4, 0), (4, 9)]) == "M1 2l3-2 0 9"
    assert line([]) == ""


def test_steps_come_back_to_the_ground() -> None:
    assert steps((0, 50), 10, [20, 20, 5]) == "M0 50v-20h10h10v15h10v5z"


def test_as_much_is_shown_as_dagster_shows_in_place() -> None:
    def draw(count: int) -> str:
        return image(document([text((1, 1), "word") for _ in range(count)], height=9), "")

    found = largest(draw, 100)
    shown = len(words(found))
    assert 1 < shown < 100
    assert fits(found)
    assert not fits(draw(shown + 1))
    assert words(largest(draw, 3)) == ["word"] * 3


def test_a_picture_has_white_ground_for_dark_pages() -> None:
    assert "background:white" in picture(image(document([], height=9), "")).attrib["style"]
