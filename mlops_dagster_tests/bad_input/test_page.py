"""The page on bad input says what the corpora say."""

from mlops_dagster_tests.bad_input.page import PAGE, TABLES, page


def test_the_tables_of_the_page_are_those_that_the_corpora_make() -> None:
    text = PAGE.read_text("utf-8")
    assert all(f"<!-- table {name} -->" in text for name in TABLES)
    assert page(text) == text
