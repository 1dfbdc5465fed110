"""Contracts: written so that they are read back alike, and used where a table is named."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_dagster.errors import SpecError
from mlops_dagster.spec.contract import (
    Contract,
    ContractColumn,
    contract_path,
    read_contract,
    write_contract,
)
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.spark_types import SIMPLE_TYPES
from mlops_dagster_tests.spec.worlds import CONTRACT, write_project

REF = TableRef("deliveries", "silver", "orders")
names = st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable()) | st.sampled_from(
    ["NO", "null", "12", "1.5", "a: b", "# no", "- a", "'", '"', " ", "a\tb", "\u2028", "[x]", "<<"]
)
types = st.sampled_from(
    [
        *SIMPLE_TYPES,
        "decimal(10,2)",
        "varchar(20)",
        "array<string>",
        "map<string,array<int>>",
        "struct<a:int,b:struct<c:decimal(10,2),d e:map<string,date>>>",
    ]
)


def contract(*columns: ContractColumn) -> Contract:
    return Contract(spec_version=1, table=str(REF), columns=list(columns))


@settings(deadline=None)
@given(
    columns=st.lists(
        st.builds(
            ContractColumn, name=names, type=types, nullable=st.booleans(), optional=st.booleans()
        ),
        max_size=5,
    )
)
def test_a_contract_is_read_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, columns: list[ContractColumn]
) -> None:
    path = tmp_path_factory.mktemp("contract") / "c.yaml"
    write_contract(path, contract(*columns))
    assert read_contract(path) == contract(*columns)


def test_equal_contracts_give_equal_bytes_and_nothing_else(tmp_path: Path) -> None:
    columns = (
        ContractColumn(name="order_id", type="bigint", nullable=False),
        ContractColumn(name="NO", type="decimal(10,2)"),
    )
    path = tmp_path / "contracts" / "silver.orders.yaml"
    write_contract(path, contract(*columns))
    assert path.read_text() == (
        "# The columns of deliveries.silver.orders as a run found them. Review them, then commit "
        "this file:\n"
        "# from then on a batch with other columns is refused.\n"
        "spec_version: 1\n"
        "table: deliveries.silver.orders\n"
        "columns:\n"
        "  - {name: order_id, type: bigint, nullable: false}\n"
        '  - {name: NO, type: "decimal(10,2)", nullable: true}\n'
    )
    before = path.read_bytes()
    write_contract(path, contract(*columns))
    assert path.read_bytes() == before
    assert [other.name for other in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "written",
    [
        "float8",
        "BIGINT",
        "integer",
        "text",
        "",
        "string ",
        "int;drop",
        "int(3)",
        "decimal(10,)",
        "array",
        "array<>",
        "array<int,int>",
        "array<strng>",
        "map<string>",
        "struct<a>",
        "struct<:int>",
        "varchar",
        f"{'array<' * 30}int{'>' * 30}",
    ],
)
def test_a_type_that_spark_does_not_have_is_refused(tmp_path: Path, written: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        f"spec_version: 1\ntable: a.b.c\ncolumns:\n  - {{name: x, type: '{written}'}}\n"
    )
    expected = "expected a Spark type such as 'bigint', 'decimal(10,2)' or 'array<string>'"
    with pytest.raises(SpecError) as refused:
        read_contract(path)
    assert str(refused.value).startswith(f"{path}:4: columns[0].type: {expected}, found ")


def test_a_contract_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"the contract cannot be read"):
        read_contract(tmp_path / "none.yaml")
    (tmp_path / "empty.yaml").write_text("")
    with pytest.raises(SpecError, match=r"empty\.yaml:1: expected a mapping with the keys "):
        read_contract(tmp_path / "empty.yaml")


def test_a_contract_gives_a_table_its_types(tmp_path: Path) -> None:
    workspace = load_workspace(write_project(tmp_path), "dev")
    table = workspace.table(REF)
    assert table.contract is not None
    assert table.contract.types == {
        "order_id": "bigint",
        "ordered_at": "timestamp",
        "weight": "double",
        "city": "string",
    }
    assert table.contract_path == contract_path(tmp_path / "use_cases/deliveries", REF)
    assert table.contract_path == tmp_path / CONTRACT


def test_a_table_may_wait_for_its_contract(tmp_path: Path) -> None:
    workspace = load_workspace(write_project(tmp_path, {CONTRACT: None}), "dev")
    assert workspace.table(REF).contract is None
    assert not workspace.table(REF).contract_path.exists()


def test_a_contract_changes_no_code_version(tmp_path: Path) -> None:
    with_it = load_workspace(write_project(tmp_path / "with"), "dev")
    without = load_workspace(write_project(tmp_path / "without", {CONTRACT: None}), "dev")
    assert with_it.table(REF).code_version == without.table(REF).code_version
