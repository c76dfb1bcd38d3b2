"""Files as tables: CSV, Parquet and JSON, alone or a folder of them, read once and then by a process of its own."""

import contextlib
import json
import os
from pathlib import Path

import pytest
from sql_llama.assistant.prepare import prepare
from sql_llama.core.errors import DataError, QueryError
from sql_llama.core.records import ForeignKey
from sql_llama.databases.database import open_database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "customers.csv").write_text("id,name,city\n1,Ann,Oslo\n2,Bób,Rome\n")
    rows = [{"order_id": 10, "customer_id": 1, "total": 9.5}, {"order_id": 11, "customer_id": 1, "total": 1}]
    (tmp_path / "orders.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def test_a_folder_is_a_database_with_keys_found_in_the_rows(folder: Path) -> None:
    schema = prepare(str(folder)).schema
    assert [table.name for table in schema.tables] == ["customers", "orders"]
    assert ForeignKey("orders", "customer_id", "customers", "id") in schema.foreign_keys
    with contextlib.closing(open_database(str(folder))) as database:
        sql = "SELECT c.name, sum(o.total) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY 1"
        assert database.query(sql).rows == (("Ann", 10.5),)


def test_a_changed_file_is_read_again(folder: Path) -> None:
    file = folder / "customers.csv"
    count = "SELECT count(*) FROM customers"
    with contextlib.closing(open_database(str(file))) as database:
        assert database.query(count).rows == ((2,),)
    file.write_text("id,name\n1,Ann\n2,Bob\n3,Eve\n")
    with contextlib.closing(open_database(str(file))) as database:
        assert database.query(count).rows == ((3,),)


@pytest.mark.parametrize("name", ["odd [1]*.csv", "quo'te.csv", "select.csv"])
def test_odd_names_of_files(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("a,b\n1,2\n")
    (tmp_path / "odd 1x.csv").write_text("z\n1\n")
    schema = prepare(str(tmp_path / name)).schema
    assert [column.name for column in schema.tables[0].columns] == ["a", "b"]


def test_a_broken_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"not parquet")
    with pytest.raises(DataError, match=r"x\.parquet: cannot be read as a table"):
        open_database(str(tmp_path / "x.parquet"))
    (tmp_path / "y.duckdb").write_bytes(b"12345678DUCK" + os.urandom(5000))
    with pytest.raises(DataError, match=r"y\.duckdb: cannot be read as a DuckDB database"):
        open_database(str(tmp_path / "y.duckdb"))


def test_the_process_has_no_environment_and_comes_back_when_it_is_killed(folder: Path) -> None:
    with contextlib.closing(open_database(str(folder))) as database:
        with pytest.raises(QueryError):
            database.query("SELECT getenv('HOME')")
        database._worker.stop()  # type: ignore[attr-defined]
        assert database.query("SELECT 1 AS one").rows == ((1,),)
