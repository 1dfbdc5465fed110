"""Deliveries as wholes: doubled, damaged, with other columns; set aside, and put right."""

import gzip
import io
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from mlops_dagster.cli import main
from mlops_dagster.cli.status import status_lines
from mlops_dagster.data import build
from mlops_dagster.data.contracts import contract_of, with_added
from mlops_dagster.data.delivery_events import SliceDeliveries, slice_deliveries
from mlops_dagster.data.file_digests import sha256_of
from mlops_dagster.data.set_aside import SetAsideNote
from mlops_dagster.errors import ContractViolation, SourceError
from mlops_dagster.spec.contract import add_columns, read_contract, write_contract
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state.store import open_environment_store
from mlops_dagster_tests.data.worlds import Project

WINDOW = "2013-01"
A, B = "id,at\n1,2013-01-05\n2,2013-01-06\n", "id,at\n3,2013-01-07\n"
ORDERS = TableRef.parse("shop.bronze.orders")
CONTRACT = "use_cases/shop/contracts/bronze.orders.yaml"


def deliveries(project: Project, window: str = WINDOW) -> SliceDeliveries:
    return slice_deliveries(project.store, ORDERS)[window]


def notes(project: Project) -> list[SetAsideNote]:
    found = (project.root / ".mlops/dev/set_aside").glob("*/*.json")
    return [SetAsideNote.model_validate_json(path.read_text()) for path in sorted(found)]


@pytest.mark.parametrize(("files", "window"), [("orders/{window}/", WINDOW), ("orders/", "static")])
def test_the_same_file_three_times_and_in_another_order_changes_nothing(
    project: Project, files: str, window: str
) -> None:
    project.declare(f"bronze.orders: {{files: '{files}', key: [id]}}")
    folder = f"landing/{files.replace('{window}', window)}"
    project.write(f"{folder}1.csv", A)
    project.write(f"{folder}2.csv", B)
    first = project.build("bronze.orders", window)
    rows = project.rows("bronze.orders")
    for name, text in {"1.csv": B, "2.csv": A, "3.csv": A, "again.csv": A}.items():
        project.write(f"{folder}{name}", text)
    project.write(f"{folder}zipped.csv.gz", gzip.compress(b"id,at\n", mtime=0))
    project.write(f"{folder}zipped again.csv.gz", gzip.compress(b"id,at\n", mtime=0))
    second = project.build("bronze.orders", window)
    assert (second.rows_in, second.valid, second.quarantined) == (3, 3, 0)
    assert (second.files, second.copies) == (6, 3)
    assert second.published.digest == first.published.digest
    assert second.written is (window == WINDOW)
    assert project.rows("bronze.orders") == rows
    (project.root / folder / "1.csv").unlink()
    assert project.build("bronze.orders", window).rows_in == 2


def test_a_damaged_file_is_set_aside_and_the_version_before_stays(project: Project) -> None:
    project.declare('bronze.orders: {files: "orders/{window}/"}')
    project.write(f"landing/orders/{WINDOW}/whole.csv", B)
    published = project.build("bronze.orders", WINDOW).published
    rows = project.rows("bronze.orders")
    parquet = io.BytesIO()
    pd.DataFrame({"id": [1], "at": ["2013-01-05"]}).to_parquet(parquet)
    damaged = {
        "cut.csv.gz": (gzip.compress(A.encode())[:-9], "the file cannot be read"),
        "latin.csv": ("id,at\n1,\xf3\n".encode("latin-1"), "the file is not UTF-8"),
        "cut.parquet": (parquet.getvalue()[:-5], "cannot be read as Parquet"),
    }
    for name, (content, reason) in damaged.items():
        # Texts and Parquet are never one batch.
        window = "2013-02" if name.endswith("parquet") else WINDOW
        path = project.write(f"landing/orders/{window}/{name}", content)
        with pytest.raises(SourceError, match=reason):
            project.build("bronze.orders", window)
        assert project.rows("bronze.orders") == rows
        waiting = deliveries(project, window).waiting
        assert waiting is not None
        assert reason in waiting.reason
        digest = sha256_of(path)
        assert waiting.kept == (digest,)
        kept = project.root / ".mlops/dev/set_aside" / digest
        assert (kept / name).read_bytes() == content
        note = SetAsideNote.model_validate_json(
            (kept / f"shop.bronze.orders.{window}.json").read_text()
        )
        assert (note.digest, note.file) == (digest, f"orders/{window}/{name}")
        assert reason in note.reason
        path.unlink()
    assert len(notes(project)) == len(damaged)
    again = project.build("bronze.orders", WINDOW)
    assert again.published.digest == published.digest
    assert deliveries(project).waiting is None


def test_a_file_that_changes_while_it_is_read_is_not_published(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.declare('bronze.orders: {files: "orders/{window}.csv"}')
    project.write(f"landing/orders/{WINDOW}.csv", A)

    def goes_on(*_: object) -> None:
        project.write(f"landing/orders/{WINDOW}.csv", A + "3,2013-01-08\n")

    with monkeypatch.context() as patch:
        patch.setattr(build, "_check_records", goes_on)
        with pytest.raises(SourceError, match="changed while it was read"):
            project.build("bronze.orders", WINDOW)
    assert deliveries(project).ingested is None
    assert project.build("bronze.orders", WINDOW).valid == 3
    assert deliveries(project).waiting is None


def test_a_file_that_is_missing_is_no_delivery(project: Project) -> None:
    project.declare('bronze.orders: {files: "orders/{window}.csv"}')
    with pytest.raises(SourceError, match="there is no such file"):
        project.build("bronze.orders", WINDOW)
    assert slice_deliveries(project.store, ORDERS) == {}
    assert notes(project) == []


def test_a_batch_with_other_columns_is_set_aside_whole_until_the_contract_says_so(
    project: Project,
) -> None:
    project.declare('bronze.orders: {files: "orders/{window}/"}')
    write_contract(project.root / CONTRACT, contract_of(ORDERS, {"id": "bigint", "at": "date"}))
    project.write("landing/orders/2013-02/1.csv", "id,at\n4,2013-02-01\n")
    project.write("landing/orders/2013-02/2.csv", "id,price\n5,1.5\n")
    with pytest.raises(ContractViolation, match="2 differences"):
        project.build("bronze.orders", "2013-02")
    waiting = deliveries(project, "2013-02").waiting
    assert waiting is not None
    assert waiting.differences == (
        "column 'at' is missing",
        "column 'price' is not in the contract",
    )
    assert {note.file for note in notes(project)} == {file.path for file in waiting.files}
    assert len(waiting.kept) == len(waiting.files) == 2
    contract = project.root / CONTRACT
    grown = contract.read_text().replace(
        "{name: at, type: date, nullable: true}",
        "{name: at, type: date, optional: true}\n  - {name: price, type: double, optional: true}",
    )
    contract.write_text(grown)
    built = project.build("bronze.orders", "2013-02")
    assert (built.valid, deliveries(project, "2013-02").waiting) == (2, None)
    february = [
        row[:2]
        for row in project.rows("bronze.orders", "id", "price", "window")
        if row[2] == "2013-02"
    ]
    assert february == [(4, None), (5, 1.5)]


def test_commands_show_what_is_set_aside(project: Project) -> None:
    project.declare('bronze.orders: {files: "orders/{window}.csv"}')
    # The commands look where the environment keeps its events.
    workspace = project.workspace()
    project.store = open_environment_store(workspace.environment, workspace.state_folder)
    asked = ["deliveries", "--root", str(project.root)]
    assert CliRunner().invoke(main, asked).output == (
        "nothing is set aside, nothing came too late\n"
    )
    path = project.write(f"landing/orders/{WINDOW}.csv", "")
    with pytest.raises(SourceError):
        project.build("bronze.orders", WINDOW)
    said = CliRunner().invoke(main, asked).output.splitlines()
    assert said[0].startswith(f"shop.bronze.orders {WINDOW}: set aside: ")
    assert "the file is empty" in said[0]
    assert said[1] == f"    orders/{WINDOW}.csv {sha256_of(path)[:12]}"
    assert said[2] == f"copies and notes: {project.root / '.mlops/dev/set_aside'}/<digest>/"
    lines = list(status_lines(workspace, project.store))
    assert (
        f"  set aside or too late: bronze.orders {WINDOW}; see `mlops-dagster deliveries`" in lines
    )


GROWS = 'bronze.orders: {files: "orders/{window}.%s", evolve: additive}'


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_new_column_is_added_to_a_contract_that_may_grow(project: Project, form: str) -> None:
    def deliver(window: str, **columns: list[object]) -> None:
        frame, content = pd.DataFrame(columns), io.BytesIO()
        if form == "parquet":
            frame.to_parquet(content)
        else:
            frame.to_csv(content, index=False)
        project.write(f"landing/orders/{window}.{form}", content.getvalue())

    project.declare(GROWS % form)
    deliver("2013-01", id=[1], city=["x"])
    project.build("bronze.orders", "2013-01")
    file = project.root / CONTRACT
    file.write_text(file.read_text().replace("columns:", "# Reviewed.\ncolumns:"))
    before = file.read_text()
    deliver("2013-02", id=[2], city=["y"], price=[1.5])
    second = project.build("bronze.orders", "2013-02")
    assert (second.contract_grew, second.valid) == (True, 1)
    assert (
        file.read_text()
        == f"{before}  - {{name: price, type: double, nullable: true, optional: true}}\n"
    )
    # What was delivered before the column was there still is a delivery.
    first = project.build("bronze.orders", "2013-01")
    assert (first.contract_grew, first.valid) == (False, 1)
    assert project.rows("bronze.orders", "id", "city", "price") == [(1, "x", None), (2, "y", 1.5)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,town\n3,z\n", r"'city' is missing \(renamed to 'town'\?\)|'city' is missing"),
        ("id,city,City\n3,z,z\n", "two columns have one name"),
        ("id,city,window\n3,z,z\n", "the name 'window' is taken"),
    ],
)
def test_a_contract_that_may_grow_takes_additions_alone(
    project: Project, text: str, message: str
) -> None:
    project.declare(GROWS % "csv")
    promised = contract_of(ORDERS, {"id": "bigint", "city": "string"})
    write_contract(project.root / CONTRACT, promised)
    before = (project.root / CONTRACT).read_text()
    project.write("landing/orders/2013-02.csv", text)
    with pytest.raises((ContractViolation, SourceError), match=message):
        project.build("bronze.orders", "2013-02")
    assert (project.root / CONTRACT).read_text() == before
    assert deliveries(project, "2013-02").waiting is not None


def test_columns_are_added_below_what_people_wrote_or_the_file_is_written_anew(
    tmp_path: Path,
) -> None:
    path = tmp_path / "contract.yaml"
    texts = [
        "spec_version: 1\ntable: a.b.c\ncolumns:\n- {name: id, type: bigint}  # the id\n",
        "columns: [{name: id, type: bigint}]\ntable: a.b.c\nspec_version: 1\n",
        "spec_version: 1\ntable: a.b.c\ncolumns:\n  - name: id\n    type: bigint\n",
    ]
    for text in texts:
        path.write_text(text)
        grown = with_added(read_contract(path), {"odd: name": "string"})
        add_columns(path, grown)
        assert read_contract(path) == grown
        add_columns(path, grown)
        assert read_contract(path) == grown
    path.write_text(texts[0])
    add_columns(path, with_added(read_contract(path), {"x": "int"}))
    assert path.read_text() == texts[0] + "- {name: x, type: int, nullable: true, optional: true}\n"
