"""SQL files: what they may hold, where they are refused, rendering, lineage."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from mlops_dagster.errors import ExpressionError
from mlops_dagster.rules import parse_select
from mlops_dagster.rules.spark_functions import (
    ALLOWED,
    COLLECT,
    CONVERSIONS,
    INSTEAD,
    NEED_ORDER,
    ORDER_BLIND,
    REFUSED,
)

INPUTS = ("flights", "weather")


def _corpus(name: str) -> list[tuple[str, str]]:
    """Read blocks of SQL, each followed by a line `=> line:column message`."""
    text = Path(__file__).with_name(name).read_text(encoding="utf-8").removesuffix("\n")
    blocks = [block.rsplit("\n=> ", 1) for block in text.split("\n----\n")]
    return [(sql, expected) for sql, expected in blocks]


REFUSED_FILES = _corpus("refused_selects.txt")


@pytest.mark.parametrize(
    ("text", "expected"), REFUSED_FILES, ids=[text[:60] for text, _ in REFUSED_FILES]
)
def test_a_sql_file_is_refused_at_its_line_and_column(text: str, expected: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_select(text, INPUTS)
    place, message = expected.split(" ", 1)
    assert f"{caught.value.line}:{caught.value.column}" == place
    assert message in str(caught.value)


def test_the_error_shows_the_line_of_the_file_with_carets() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_select("select\n  a\nfrom flighs\n", INPUTS)
    assert str(caught.value) == (
        "a table that is not an input; expected flights or weather, found flighs "
        "(did you mean flights?). Declare it under inputs\n"
        "  from flighs\n"
        "       ^^^^^^"
    )


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_function_that_makes_tables_differ_is_refused_with_its_reason(name: str) -> None:
    with pytest.raises(ExpressionError, match=f"^{name} is refused: ") as caught:
        parse_select(f"select {name}(a) as x from flights", INPUTS)
    assert (caught.value.next_step is not None) is (name in INSTEAD)


@pytest.mark.parametrize("name", sorted(NEED_ORDER | COLLECT))
def test_a_function_of_ordered_rows_is_refused_without_an_order(name: str) -> None:
    arguments = {"ntile": "4", "row_number": "", "nth_value": "a, 2"}.get(name, "a")
    for over in ("", " over ()", " over (partition by b)", " filter (where a > 1)"):
        with pytest.raises(ExpressionError, match=f"{name} without an order differs each time"):
            parse_select(f"select {name}({arguments}){over} as x from flights", INPUTS)
    ordered = f"select {name}({arguments}) over (order by b) as x, 1 as y from flights"
    assert parse_select(ordered, INPUTS).output_columns == ("x", "y")
    named = f"select {name}({arguments}) over w as x from flights window w as (order by b)"
    assert parse_select(named, INPUTS).output_columns == ("x",)


@pytest.mark.parametrize("collect", sorted(COLLECT))
@pytest.mark.parametrize("around", sorted(ORDER_BLIND))
def test_a_collected_array_may_stand_where_its_order_does_not_matter(
    collect: str, around: str
) -> None:
    more = ", 1" if around == "array_contains" else ""
    parse_select(f"select {around}({collect}(a){more}) as x from flights group by b", INPUTS)


NOT_FUNCTIONS = {"case", "cast", "try_cast", "extract", "timestampadd", "timestampdiff"}


def test_the_allowed_functions_exist_in_spark(spark: SparkSession) -> None:
    known = {row[0] for row in spark.sql("show functions").collect()}
    syntax = NOT_FUNCTIONS | {"varchar", "numeric"}
    assert ALLOWED - CONVERSIONS - known - syntax == set()


def test_no_function_is_both_allowed_and_refused() -> None:
    assert not ALLOWED & set(REFUSED)


@pytest.mark.parametrize("name", sorted(ALLOWED - NEED_ORDER - COLLECT - NOT_FUNCTIONS))
def test_an_allowed_function_is_not_refused_by_its_name(name: str) -> None:
    special = {
        "position": "position(a in b)",
        "overlay": "overlay(a placing b from 1)",
        "map": "map(a, b)",
        "varchar": "cast(a as varchar(3))",
        "numeric": "cast(a as numeric(3))",
    }
    calls = (
        [special[name]]
        if name in special
        else [f"{name}({x})" for x in ("a", "a, b", "a, b, c", "")]
    )
    assert any(_is_allowed(f"select {call} as x from flights") for call in calls)


def _is_allowed(text: str) -> bool:
    try:
        parse_select(text, INPUTS)
    except ExpressionError:
        return False
    return True


ALLOWED_FILES = {
    "join": """
        select flights.a, w.b as c, 1 as one -- why
        from flights left join weather w on flights.k = w.k and w.b is not null
        where a > 1;
    """,
    "with": """
        with ranked as (
          select f.*, row_number() over (partition by f.k order by f.t desc) as n from flights f
        ), best as (select * from ranked where n = 1)
        select best.a, count(*) filter (where best.b > 1) as n from best
        group by best.a having n > 1
    """,
    "union": "select a from flights union all (select b from weather) order by a limit 3",
    "subqueries": """
        select a, (select max(b) from weather where weather.k = flights.k) as m from flights
        where exists (select 1 from weather w where w.k = flights.k)
          and a in (select b from weather)
    """,
    "values": """
        select cast(a as decimal(10,2)) as a, 1L as l, a::int as i, -1.5e3 as n, 'it''s' as s,
          "dq" as q, r'\\d' as r, date '2024-01-01' as d, t - interval 30 days as p,
          make_interval(mins => b) as m,
          filter(array(a, b), v -> v > 1) as f, case when a > 1 then b else null end as e,
          first_value(a) ignore nulls over (partition by b order by c rows between 3 preceding and
          current row) as v, s.x.y as z, m[0] as o, `odd name` as odd, a % 2 = 1 and not b as t,
          struct(a as one, b) as u, explode(m) as w,
          percentile_cont(0.5) within group (order by a) as c
        from flights
    """,
    "cube": "select a, b, sum(c) as s from flights group by cube (a, b)",
    "qualify": "select a from flights qualify rank() over (partition by b order by c) = 1",
}


@pytest.mark.parametrize("text", ALLOWED_FILES.values(), ids=ALLOWED_FILES)
def test_a_plain_select_is_allowed(text: str) -> None:
    statement = parse_select(text, INPUTS)
    assert "flights" in statement.tables
    assert statement.text == text


def test_output_columns_are_known_unless_a_star_hides_them() -> None:
    hidden = parse_select("select *, 1 as one from flights", INPUTS)
    assert hidden.output_columns is None
    known = parse_select("select *, 1 as one from flights", INPUTS, columns={"flights": ("a", "b")})
    assert known.output_columns == ("a", "b", "one")
    less = parse_select("select * except (b) from flights", INPUTS, columns={"flights": ["a", "b"]})
    assert less.output_columns == ("a",)
    through = parse_select("with r as (select a, b from flights) select r.*, 1 as c from r", INPUTS)
    assert through.output_columns == ("a", "b", "c")


def lineage(text: str, **columns: list[str]) -> dict[str, set[str]]:
    """Return the lineage as `input.column` texts."""
    found = parse_select(text, INPUTS, columns=columns).column_lineage
    return {name: {".".join(source) for source in sources} for name, sources in found.items()}


def test_lineage_goes_through_joins_with_and_windows() -> None:
    found = lineage("""
        with late as (
          select f.carrier, f.delay > 15 as late, f.origin, w.rain from flights f
          join weather w on w.origin = f.origin and w.t = f.t
        )
        select carrier, avg(cast(late as int)) over (partition by origin order by rain) as share,
          max(late.rain) + 1 as rain, 'x' as constant
        from late
    """)
    assert found == {
        "carrier": {"flights.carrier"},
        "share": {"flights.delay"},
        "rain": {"weather.rain"},
        "constant": set(),
    }


def test_lineage_of_a_union_has_both_sides_by_position() -> None:
    found = lineage("select a, b from flights union all select c, d from weather")
    assert found == {"a": {"flights.a", "weather.c"}, "b": {"flights.b", "weather.d"}}


def test_lineage_of_an_unqualified_column_follows_the_known_columns() -> None:
    text = "select a, b from flights join weather on flights.k = weather.k"
    assert lineage(text)["a"] == {"flights.a", "weather.a"}
    found = lineage(text, flights=["a", "k"], weather=["b", "k"])
    assert found == {"a": {"flights.a"}, "b": {"weather.b"}}


def test_lineage_of_subqueries_lambdas_and_fields() -> None:
    found = lineage("""
        select (select max(b + flights.c) from weather) as m, f.total,
          transform(f.list, v -> v + 1) as t, place.city as city
        from flights join (select k, a + b as total, list from flights) f on f.k = flights.k
    """)
    assert found["total"] == {"flights.a", "flights.b"}
    assert found["t"] == {"flights.list"}
    assert found["m"] == {"weather.b", "flights.c"}
    assert found["city"] == {"flights.place"}


def test_a_column_may_use_one_defined_before_it() -> None:
    text = "select a + 1 as b, b * 2 as c from flights"
    assert lineage(text)["c"] == {"flights.a"}
    assert lineage(text, flights=["a", "b"])["c"] == {"flights.b"}


def test_the_normalised_text_ignores_comments_and_layout_only() -> None:
    text = "select a, 'x  -- y' as s\n  from flights -- why\n where a>=1"
    same = "select a , 'x  -- y' as s /* because */ from flights where a >= 1 ;"
    other = "select a, 'x -- y' as s from flights where a >= 1"
    normalised = {parse_select(sql, INPUTS).normalised for sql in (text, same)}
    assert len(normalised) == 1
    assert parse_select(other, INPUTS).normalised not in normalised


def test_rendering_replaces_inputs_and_keeps_their_names_for_columns() -> None:
    statement = parse_select(
        "-- note\nselect flights.a, 'flights' as flights\n"
        "from flights /* x */ join `weather` w on true",
        INPUTS,
    )
    assert statement.render({"flights": "v`1", "weather": "v2"}) == (
        "\nselect flights.a, 'flights' as flights\nfrom `v``1` AS `flights` join `v2` w on true"
    )


def test_a_comment_cannot_hide_sql_from_the_parser_that_checks() -> None:
    text = "select a /* /* */ , b */ from flights"
    rendered = parse_select(text, INPUTS).render({"flights": "v"})
    assert "*" not in rendered
    assert rendered.split() == ["select", "a", "from", "`v`", "AS", "`flights`"]


def test_rendered_sql_gives_in_spark_what_the_text_says(spark: SparkSession) -> None:
    spark.createDataFrame(
        [(1, "a", None), (2, "a", 5), (3, "b", 7)], "id int, k string, v int"
    ).createOrReplaceTempView("rules_view_1")
    spark.createDataFrame([("a", 1.5), ("b", 2.5)], "k string, r double").createOrReplaceTempView(
        "rules_view_2"
    )
    text = """
        with ranked as (
          select flights.*, row_number() over (partition by k order by id desc) as n -- newest
          from flights
        )
        select ranked.id, weather.r * 2 as r, coalesce(v, 0) as v, r'\\d' as raw, 1L as one
        from ranked join weather on weather.k = ranked.k
        where n = 1 and 'it''s' = "it's" order by ranked.id
    """
    statement = parse_select(text, INPUTS)
    frame = spark.sql(statement.render({"flights": "rules_view_1", "weather": "rules_view_2"}))
    assert tuple(frame.columns) == statement.output_columns
    assert [tuple(row) for row in frame.collect()] == [(2, 3.0, 5, "\\d", 1), (3, 5.0, 7, "\\d", 1)]


WORDS = (
    *(
        "select",
        "a",
        "b",
        "from",
        "flights",
        "weather",
        "where",
        "join",
        "on",
        "(",
        ")",
        ",",
        ".",
        "*",
    ),
    *(
        "with",
        "as",
        "union",
        "all",
        "order by",
        "limit",
        "over",
        "1",
        "'x'",
        '"',
        "`",
        "--",
        "/*",
        "*/",
    ),
    *(
        "group by",
        "case",
        "when",
        "end",
        "count",
        "first",
        ";",
        "@",
        "cast",
        "int",
        "::",
        "\n",
        "\0",
    ),
)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60) | st.lists(st.sampled_from(WORDS), max_size=20).map(" ".join))
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    for sql in (text, f"select a from flights where {text}"):
        try:
            statement = parse_select(sql, INPUTS)
        except ExpressionError:
            continue
        assert statement.tables <= set(INPUTS)
        assert isinstance(statement.column_lineage, dict)


HOSTILE = {
    "parentheses": "select " + "(" * 5000 + "1" + ")" * 5000 + " as a",
    "nots": "select " + "not " * 5000 + "a as b from flights",
    "sums": "select " + "a + " * 9000 + "a as b from flights",
    "cases": "select " + "case when a then " * 300 + "1" + " end" * 300 + " as b from flights",
    "unions": "select a from flights" + " union all select a from flights" * 4000,
    "subqueries": "select a from " + "(select a from " * 200 + "flights" + ")" * 200,
    "dots": "select a" + ".a" * 9000 + " as b from flights",
    "characters": "select '" + "x" * 100_001 + "' as a",
    "types": "select cast(a as " + "array<" * 500 + "int" + ">" * 500 + ") as b from flights",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse_select(text, INPUTS)
