"""The file of names on a second run: what is new is added, and not one byte of the user's is lost."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.data.synthesis.names import read_names
from sql_llama.data.synthesis.read_facts import read_facts
from sql_llama.data.synthesis.write_names import Written, write_names
from sql_llama.databases.introspect import introspect

FIRST = "CREATE TABLE cust (id INTEGER PRIMARY KEY, nm TEXT)"
LATER = 'ALTER TABLE cust ADD COLUMN "home town" TEXT; CREATE TABLE ord (id INTEGER PRIMARY KEY, cust_id INTEGER)'


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "shop.sqlite"
    change(path, FIRST)
    return path


def change(database: Path, script: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(script)


def write(file: Path, database: Path) -> Written:
    schema = introspect(str(database), "shop")
    return write_names(file, schema, read_facts(str(database), schema), {})


@pytest.mark.parametrize(
    "own",
    [
        '# mine\n[cust] # the customers\nname = ["patron", "guest"]\ncolumns.nm = false # never\n\n# the end\n',
        '[cust]\nname = "patron"\n[cust.columns]\nid = "number"\nnm = [\n  "name", # short\n]\n# the end',
        '[CUST]\r\nname = "patron"\r\n\r\n# the rest\r\n[other]\r\nname = "x"\r\n',
        '\ufeff[cust]\nname = "[ord]"\ncolumns."nm" = "it says [other]"\n',
        "[cust]",
        "",
    ],
)
def test_a_second_run_adds_tables_and_columns_and_changes_nothing(own: str, database: Path, tmp_path: Path) -> None:
    file = tmp_path / "n.toml"
    file.write_bytes(own.encode())
    change(database, LATER)
    before = read_names(file)
    written = write(file, database)
    after = read_names(file)
    assert {*written.added} >= {"ord"} and after.columns["cust", "home town"] and after.tables["ord"] == ("order",)
    assert before.tables.items() <= after.tables.items() and before.columns.items() <= after.columns.items()
    lines = iter(file.read_bytes().splitlines())
    assert all(line in lines for line in own.encode().splitlines())  # each line as it was, in the same order
    if "\r" in own:
        assert file.read_bytes().count(b"\n") == file.read_bytes().count(b"\r\n")


def test_a_run_that_adds_nothing_does_not_write(database: Path, tmp_path: Path) -> None:
    file = tmp_path / "n.toml"
    assert write(file, database) == Written(("cust",))
    bytes_then, changed = file.read_bytes(), file.stat().st_mtime_ns
    assert write(file, database) == Written()
    assert (file.read_bytes(), file.stat().st_mtime_ns) == (bytes_then, changed)


def test_what_the_database_has_no_longer_is_kept_and_told(database: Path, tmp_path: Path) -> None:
    file = tmp_path / "n.toml"
    write(file, database)
    file.write_text(file.read_text() + '\n[ord]\nname = "order"\n')
    kept = file.read_bytes()
    change(database, "ALTER TABLE cust DROP COLUMN nm")
    assert write(file, database) == Written((), ("cust.nm", "ord"))
    assert file.read_bytes() == kept


def test_columns_on_one_line_take_no_more_and_are_told(database: Path, tmp_path: Path) -> None:
    file = tmp_path / "n.toml"
    file.write_text('[cust]\ncolumns = {id = "number"}\n')
    assert write(file, database) == Written(closed=("cust.nm",))
    assert file.read_text() == '[cust]\ncolumns = {id = "number"}\n'


@pytest.mark.parametrize(
    "data, said",
    [
        (b'[cust]\nname = "a\n', ":2: broken TOML: Illegal character"),
        (b'[cust]\nname = """a\n\n', ":2: broken TOML: "),
        (b"[cust]\n[cust]\n", ":2: broken TOML: Cannot declare"),
        (b'[cust]\n\nname = "\xff"\n', ":3: not UTF-8"),
        (b'[ord]\nname = "x"\n\n[cust]\nname = 3\n', ":5: cust.name is not a text"),
        (b'[ord]\nname = "x"\n\n[cust]\ncolumns.id = "x"\ncolumns.nm = true\n', ":6: cust.columns.nm is not a text"),
        (b'[ord]\nname = "x"\n\n[cust]\ncolumn.nm = "x"\n', ":4: [cust] may have the keys"),
        (b"# mine\ncust = 1\n", ":2: [cust] may have the keys"),
    ],
)
def test_a_broken_file_is_named_with_its_line(data: bytes, said: str, database: Path, tmp_path: Path) -> None:
    file = tmp_path / "n.toml"
    file.write_bytes(data)
    with pytest.raises(DataError) as raised:
        write(file, database)
    assert f"n.toml{said}" in str(raised.value) and "\n" not in str(raised.value)
    assert file.read_bytes() == data
