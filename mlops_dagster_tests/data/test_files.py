import gzip
from pathlib import Path

import pytest

from mlops_dagster.data.contracts import check_found, check_names, contract_of
from mlops_dagster.data.inference import infer_contract
from mlops_dagster.data.landing import LandingFile, find_all_files, find_files
from mlops_dagster.data.records import read_records, scan_file
from mlops_dagster.errors import ContractViolation, SourceError
from mlops_dagster.spec.refs import STATIC, TableRef

REF = TableRef("shop", "bronze", "sales")


def one(folder: Path, name: str, content: str | bytes) -> LandingFile:
    data = content if isinstance(content, bytes) else content.encode()
    (folder / name).write_bytes(data)
    return find_files(folder, name, STATIC)[0]


def values(file: LandingFile) -> list[tuple[str | None, ...]]:
    return [record.values for record in read_records(file, scan_file(file).columns)]


def test_files_of_a_window_are_found_by_its_key_below_the_landing_folder(tmp_path: Path) -> None:
    for name in ("a/2013-01.csv", "a/2013-02.csv", "b/2013-01/x.csv", "b/2013-01/y.csv.gz"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b/2013-01/_SUCCESS").touch()

    def names(pattern: str, window: str) -> list[str]:
        return [file.path.name for file in find_files(tmp_path, pattern, window)]

    assert names("a/{window}.csv", "2013-02") == ["2013-02.csv"]
    assert names("b/{window}", "2013-01") == ["x.csv", "y.csv.gz"]
    assert names("b/{window}/*.csv", "2013-01") == ["x.csv"]
    every = find_all_files(tmp_path, "a/{window}.csv")
    assert [file.path.name for file in every] == ["2013-01.csv", "2013-02.csv"]


def test_a_missing_file_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "2013-1.csv").touch()
    with pytest.raises(SourceError, match=r"no such file.*did you mean 2013-1\.csv"):
        find_files(tmp_path, "{window}.csv", "2013-01")
    with pytest.raises(SourceError, match="no such folder"):
        find_files(tmp_path, "nowhere/{window}.csv", "2013-01")


def test_the_file_of_another_window_is_no_misspelling(tmp_path: Path) -> None:
    (tmp_path / "2013-02.csv").touch()
    with pytest.raises(SourceError, match=r"found 1 other files in the folder\. Deliver the file"):
        find_files(tmp_path, "{window}.csv", "2013-01")


@pytest.mark.parametrize("pattern", ["../secret.csv", "/etc/passwd.csv"])
def test_files_outside_the_landing_folder_are_refused(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(SourceError, match="below the landing folder"):
        find_files(tmp_path, pattern, STATIC)


def test_a_name_without_a_known_form_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").touch()
    with pytest.raises(SourceError, match=r"does not say how to read it; expected \.csv"):
        find_files(tmp_path, "a.xlsx", STATIC)


def test_csv_records_may_hold_quotes_commas_and_line_breaks(tmp_path: Path) -> None:
    text = 'id,x\r\n1,"two\r\nlines"\r\n\r\n2,"say ""hi"", you"\r\n3,back\\slash\r\n'
    file = one(tmp_path, "a.csv", "\ufeff" + text)
    scan = scan_file(file)
    assert (scan.columns, scan.records, scan.multiline) == (("id", "x"), 3, True)
    assert values(file) == [("1", "two\r\nlines"), ("2", 'say "hi", you'), ("3", "back\\slash")]
    zipped = one(tmp_path, "b.csv.gz", gzip.compress(text.encode()))
    assert values(zipped) == values(file)


def test_a_csv_record_with_another_number_of_fields_keeps_its_text(tmp_path: Path) -> None:
    file = one(tmp_path, "a.csv", "id,x\n1\n2,a,b\n3,c\n")
    assert [record.raw for record in read_records(file, ("id", "x"))] == ["1", "2,a,b", None]


def test_json_keeps_numbers_as_they_are_written(tmp_path: Path) -> None:
    text = '{"a": 1.10, "b": {"c": [12345678901234567890, true, null]}}\nno json\n\n{"z": "é"}\n'
    file = one(tmp_path, "a.jsonl", text)
    scan = scan_file(file)
    assert (scan.columns, scan.records) == (("a", "b", "z"), 3)
    nested = '{"c":[12345678901234567890,true,null]}'
    assert values(file) == [("1.10", nested, None), (None, None, None), (None, None, "é")]
    array = one(tmp_path, "b.json", '\n[{"a": 1},\n {"a": 2}]\n')
    assert values(array) == [("1",), ("2",)]
    assert scan_file(array).multiline


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "the file is empty"),
        ("a.csv", b"id,ID\n1,2\n", "two columns have one name.*'id' and 'ID'"),
        ("a.csv", b"id,\n1,2\n", "a column has no name"),
        ("a.csv", "id\ncaf\xe9\n".encode("latin-1"), "not UTF-8.*0xe9"),
        ("a.csv", b"id\n" + b'"' + b"x" * 1_100_000, "quote that is not closed"),
        ("a.csv.gz", b"id\n1\n", "cannot be read"),
        ("a.csv.gz", gzip.compress(b"id\n" * 1000, mtime=0)[:-12], "cannot be read"),
        ("a.json", b'[{"a": 1}', "the file is not JSON"),
        ("a.parquet", b"PAR1 nonsense", "cannot be read as Parquet"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_source_error(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        infer_contract(REF, [one(tmp_path, name, content)], nulls=[])


def test_types_hold_the_texts_of_all_files(tmp_path: Path) -> None:
    header = "int,float,day,time,flag,text,code,void,wide,mixed\n"
    january = "1,2,2013-01-01,2013-01-01T00:00:00Z,true,x,00501,NA,9223372036854775807,1\n"
    february = "NA,2.5e3,2013-02-01,2013-02-01 05:00,False,1,12345,,9223372036854775808,2013-01-01"
    files = [one(tmp_path, "1.csv", header + january), one(tmp_path, "2.csv", header + february)]
    assert infer_contract(REF, files, nulls=["NA"]).types == {
        "int": "bigint",
        "float": "double",
        "day": "date",
        "time": "timestamp",
        "flag": "boolean",
        "text": "string",
        "code": "string",
        "void": "string",
        "wide": "double",
        "mixed": "string",
    }


def test_every_difference_from_a_contract_is_listed_with_the_nearest_name() -> None:
    contract = contract_of(REF, {"id": "bigint", "city": "string", "size": "int"})
    with pytest.raises(ContractViolation) as error:
        check_found(contract, {"id": "string", "citty": None, "more": None}, where="a.csv")
    text = str(error.value)
    assert "a.csv: 5 differences from the contract of shop.bronze.sales" in text
    assert "column 'id' should be bigint, is string" in text
    assert "column 'city' is missing (renamed to 'citty'?)" in text
    assert "column 'size' is missing" in text
    assert "column 'citty' is not in the contract" in text
    assert "column 'more' is not in the contract" in text


def test_columns_in_any_order_and_narrower_numbers_fit() -> None:
    contract = contract_of(REF, {"id": "bigint", "x": "double"})
    check_found(contract, {"x": "float", "id": "int"}, where="a.parquet", widen=True)
    with pytest.raises(ContractViolation, match="2 differences"):
        check_found(contract, {"x": "float", "id": "int"}, where="a")


@pytest.mark.parametrize("names", [["Window"], ["__mlops_x"], ["a", "A"]])
def test_names_that_are_taken_are_refused(names: list[str]) -> None:
    with pytest.raises(ContractViolation, match=r"is taken|two columns have one name"):
        check_names(REF, names)
