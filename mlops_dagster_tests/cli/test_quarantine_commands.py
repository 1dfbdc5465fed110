"""Corrections as people write them: on the command line and in CSV files; what verbs refuse."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from mlops_dagster.automation.release import RowRequest
from mlops_dagster.cli import main
from mlops_dagster.cli.quarantine.corrections import assignments, read_corrections
from mlops_dagster.cli.quarantine.place import open_place, printable
from mlops_dagster.errors import CorrectionRefused
from mlops_dagster_tests.assets.inline_project import CHURN, write_project


def test_assignments_keep_what_stands_behind_the_first_sign() -> None:
    assert assignments(["a=1", "b==", "c="], ["d"]) == {"a": "1", "b": "=", "c": "", "d": None}
    with pytest.raises(CorrectionRefused, match="--set: this says no value; expected column=value"):
        assignments(["a"], [])
    with pytest.raises(CorrectionRefused, match="--null: column 'a' is given twice"):
        assignments(["a=1"], ["a"])


def test_what_a_terminal_would_obey_is_shown_as_an_escape() -> None:
    assert printable("Zürich \x1b[2J\r\n\u202e") == "Zürich \\x1b[2J\\r\\n\\u202e"


def test_a_file_corrects_cell_by_cell_and_evaluates_nothing(tmp_path: Path) -> None:
    file = tmp_path / "corrections.csv"
    lines = [
        "\ufeffrow,amount,shop",
        "ab12,5,",
        'cd34,,"=cmd|\' /C calc\'!A0, ""x"""',
        "ef56,\\N,",
        "",
    ]
    text = "\r\n".join([*lines, ""])
    file.write_text(text, encoding="utf-8", newline="")
    assert read_corrections(file) == (
        RowRequest("ab12", {"amount": "5"}),
        RowRequest("cd34", {"shop": "=cmd|' /C calc'!A0, \"x\""}),
        RowRequest("ef56", {"amount": None}),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "corrections.csv:1: the first line names no rows to correct.*found nothing"),
        ("id,amount\n1,2\n", "'row' and columns of the table, each once, found id, amount"),
        ("row,amount,amount\n", "each once"),
        ("row,amount\nab12,1,2\n", r"csv:2: this line has another number of cells.*2, found 3"),
        ("row,amount\n,1\n", "csv:2: this line names no row"),
        ("row,amount\nab12,\n", "csv:2: this line corrects nothing"),
        ('row,amount\nab12,"1\n', "the corrections cannot be read"),
        (b"row,amount\nab12,\xff\n", "the corrections cannot be read"),
    ],
)
def test_a_file_that_is_no_list_of_corrections_is_refused_with_its_line(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    file = tmp_path / "corrections.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CorrectionRefused, match=message):
        read_corrections(file)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fix", "--set", "a=1"], "name rows, or a --file of them"),
        (["discard", "ab12"], "Missing option '--reason'"),
        (["reopen"], "Missing argument 'ROWS...'"),
        (["release", "--window", "2013-02"], "--window goes with --table"),
        (["list", "--status", "opne"], "'opne' is not one of"),
    ],
)
def test_a_wrong_command_line_starts_nothing(arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(main, ["quarantine", *arguments])
    assert done.exit_code == 2
    assert message in done.output


def test_names_that_are_not_there_are_told_with_the_nearest(tmp_path: Path) -> None:
    second = CHURN.replace("name: churn", "name: refunds")
    root = write_project(tmp_path, {"churn": CHURN, "refunds": second})

    def said(*arguments: str) -> str:
        done = CliRunner().invoke(main, ["quarantine", *arguments, "--root", str(root)])
        assert done.exit_code == 1
        return done.output

    told = said("list")
    assert "whose quarantine?; expected --use-case churn | refunds" in told
    assert "MLOPS_DAGSTER_USE_CASE names it for all commands" in told
    command = ["quarantine", "release", "--root", str(root), "--table", "bronze.custmers"]
    named = CliRunner().invoke(main, command, env={"MLOPS_DAGSTER_USE_CASE": "refunds"})
    assert "refunds has no table 'bronze.custmers'" in named.output
    assert open_place(root, "dev", "refunds").option == " --use-case refunds"
    alone = write_project(tmp_path / "alone", {"churn": CHURN})
    assert open_place(alone, "dev", None).option == ""
    assert "no use case 'chrun'" in said("release", "--use-case", "chrun")
    told = said("release", "--use-case", "churn", "--table", "bronze.custmers")
    assert "churn has no table 'bronze.custmers'" in told
    assert "(did you mean bronze.customers?)" in told
    windowed = said(
        *("release", "--use-case", "churn"), *("--table", "bronze.customers", "--window", "2013-01")
    )
    assert "the table has no windows" in windowed
