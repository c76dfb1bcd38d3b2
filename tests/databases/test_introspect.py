"""Schemas from databases: names, types, samples, keys declared and forgotten."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.core.records import Column, ForeignKey, Table
from sql_llama.databases.introspect import introspect
from sql_llama.sql.name_words import singular, words
from sql_llama.sql.types import simple_type


def make(path: Path, script: str) -> str:
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()
    return str(path)


def test_a_database_has_its_tables_types_samples_and_keys(pets: Path) -> None:
    schema = introspect(str(pets), "pets")
    owners, animals = schema.tables
    assert schema.name == "pets"
    assert owners == Table(
        "owners",
        (
            Column("id", "int", True),
            Column("name", "text", samples=("Ann", "Bob")),
            Column("city", "text", samples=("Oslo", "Paris")),
        ),
    )
    assert [column.type for column in animals.columns] == ["int", "text", "text", "real", "int"]
    assert animals.columns[2].samples == ("cat", "dog")  # the most frequent first
    assert schema.foreign_keys == (ForeignKey("pets", "owner_id", "owners", "id"),)
    assert introspect(f"sqlite:///{pets}", "pets") == schema


def test_a_database_whose_pages_are_damaged_is_called_damaged(tmp_path: Path) -> None:
    """The first page, with the list of tables, is whole; the rows of every table are lost."""
    path = tmp_path / "d.sqlite"
    make(path, "CREATE TABLE city (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO city (name) VALUES ('Oslo')")
    page = path.read_bytes()[:4096]
    path.write_bytes(page + bytes(path.stat().st_size - len(page)))
    with pytest.raises(DataError, match=r"d\.sqlite: cannot be read: damaged \(database disk image is malformed\)"):
        introspect(str(path))


def test_samples_are_few_short_and_on_one_line(tmp_path: Path) -> None:
    url = make(
        tmp_path / "d.sqlite",
        "CREATE TABLE t (a TEXT, day DATE, n INT); INSERT INTO t VALUES "
        "('a\nb', '2020-01-01', 1), ('much longer than anyone wants', '2020-01-02', 2), (' ', NULL, 3), ('c', NULL, 4),"
        "('c', NULL, 5), ('d', NULL, 6)",
    )
    a, day, n = introspect(url).tables[0].columns
    assert a.samples == ("c", "a b") and day.samples == ("2020-01-01",) and n.samples == ()


def test_keys_that_were_not_declared_are_found_by_name_and_by_value(tmp_path: Path) -> None:
    script = """
        CREATE TABLE singer (singer_id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE cities (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE song (song_id INTEGER PRIMARY KEY, singer_id INT, city_id INT, name TEXT);
        INSERT INTO singer VALUES (1, 'Ann'), (2, 'Bob');
        INSERT INTO cities VALUES (1, 'Oslo');
        INSERT INTO song VALUES (1, 2, 9, 'Hello');
        """
    keys = introspect(make(tmp_path / "d.sqlite", script)).foreign_keys
    # 9 is no city's id, so song.city_id is named like a key and is none
    assert keys == (ForeignKey("song", "singer_id", "singer", "singer_id"),)


def test_a_key_that_names_no_column_refers_to_the_primary_key(tmp_path: Path) -> None:
    script = """
        CREATE TABLE a (x INTEGER PRIMARY KEY);
        CREATE TABLE b (y INT REFERENCES A, z INT REFERENCES gone(id));
        """
    assert introspect(make(tmp_path / "d.sqlite", script)).foreign_keys == (ForeignKey("b", "y", "a", "x"),)


def test_odd_names_and_views_are_read_and_a_broken_view_is_passed_over(tmp_path: Path) -> None:
    script = """
        CREATE TABLE "odd ""name" ("a b" TEXT, "select" INT);
        INSERT INTO "odd ""name" VALUES ('x', 1);
        CREATE VIEW seen AS SELECT "a b" FROM "odd ""name";
        CREATE VIEW broken AS SELECT * FROM gone;
        """
    schema = introspect(make(tmp_path / "d.sqlite", script))
    assert [table.name for table in schema.tables] == ['odd "name', "seen"]
    assert schema.tables[1].columns[0].samples == ("x",)


def test_generated_columns_are_shown_and_tables_of_virtual_tables_are_not(tmp_path: Path) -> None:
    script = """
        CREATE TABLE sale (id INTEGER PRIMARY KEY, price REAL, total REAL AS (price * 2), day TEXT AS ('x' || id));
        INSERT INTO sale (price) VALUES (1.5);
        CREATE VIRTUAL TABLE docs USING fts5(title);
        CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1);
        CREATE VIEW found AS SELECT title FROM docs WHERE docs MATCH 'a';
        CREATE TABLE docs_left (a TEXT);
        """
    schema = introspect(make(tmp_path / "d.sqlite", script))
    shown = {table.name: [column.name for column in table.columns] for table in schema.tables}
    assert shown == {
        "sale": ["id", "price", "total", "day"],
        "docs": ["title"],
        "boxes": ["id", "x0", "x1"],
        "found": ["title"],
        "docs_left": ["a"],
    }
    assert schema.tables[0].columns[3].samples == ("x1",)


def test_a_composite_key_without_columns_follows_the_order_of_the_primary_key(tmp_path: Path) -> None:
    script = """
        CREATE TABLE lesson (house TEXT, door INT, FOREIGN KEY (house, door) REFERENCES Room);
        CREATE TABLE room (number INT, building TEXT, seats INT, PRIMARY KEY (building, number));
        CREATE TABLE node (id INTEGER PRIMARY KEY, parent INT REFERENCES node, gone INT REFERENCES lost);
        """
    assert introspect(make(tmp_path / "d.sqlite", script)).foreign_keys == (
        ForeignKey("lesson", "house", "room", "building"),
        ForeignKey("lesson", "door", "room", "number"),
        ForeignKey("node", "parent", "node", "id"),
    )


def test_a_view_has_keys_that_were_not_declared_too(tmp_path: Path) -> None:
    script = """
        CREATE TABLE singer (id INTEGER PRIMARY KEY, name TEXT);
        INSERT INTO singer VALUES (1, 'Ann');
        CREATE VIEW hit AS SELECT 1 AS singer_id, 'Hello' AS title;
        """
    keys = introspect(make(tmp_path / "d.sqlite", script)).foreign_keys
    assert keys == (ForeignKey("hit", "singer_id", "singer", "id"),)


def test_keys_that_were_not_declared_are_found_among_hundreds_of_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sql_llama.core.progress.SHORT", 0.0)
    tables = "".join(f"CREATE TABLE thing{n}_item (id INTEGER PRIMARY KEY, a INT, b INT);" for n in range(400))
    rows = "INSERT INTO thing7_item (id) VALUES (3); INSERT INTO use VALUES (3)"
    script = f"{tables} CREATE TABLE use (thing7_items_id INT); {rows}"
    assert introspect(make(tmp_path / "d.sqlite", script)).foreign_keys == (
        ForeignKey("use", "thing7_items_id", "thing7_item", "id"),
    )
    assert "reading the schema: 401/401" in capsys.readouterr().err


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such database"):
        introspect(str(tmp_path / "nosuch.sqlite"))
    assert not (tmp_path / "nosuch.sqlite").exists()
    (tmp_path / "text.sqlite").write_text("hello, this is only a text file")
    with pytest.raises(DataError, match="not a SQLite database"):
        introspect(str(tmp_path / "text.sqlite"))
    (tmp_path / "torn.sqlite").write_bytes(b"SQLite format 3\0" + b"\xff" * 200)
    with pytest.raises(DataError, match="cannot be read"):
        introspect(str(tmp_path / "torn.sqlite"))


@pytest.mark.parametrize(
    "declared, kind",
    [
        ("INT UNSIGNED", "int"),
        ("YEAR", "int"),
        ("NUMERIC(10,2)", "real"),
        ("DOUBLE PRECISION", "real"),
        ("DATETIME", "date"),
        ("interval", "text"),
        ("POINT", "text"),
        ("boolean", "bool"),
        ("BLOB", "text"),
    ],
)
def test_any_declared_type_is_one_of_five(declared: str, kind: str) -> None:
    assert simple_type(declared) == kind


def test_words_and_singulars_of_names() -> None:
    assert words("HomeTown_ID") == ["home", "town", "id"] and words("__") == []
    assert [singular(word) for word in ("matches", "bus", "gas", "dishes")] == ["match", "bus", "ga", "dish"]


def test_a_view_that_never_ends_costs_a_second_and_not_the_database(tmp_path: Path) -> None:
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) AS m, 'a' AS txt FROM c"
    huge = "SELECT instr(printf('%.*c', 20000000, 'a'), printf('%.*c', 10000000, 'a') || 'b') || 'x' AS txt"
    script = (
        f"CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('Oslo'); CREATE VIEW v AS {endless}; CREATE VIEW w AS {huge}"
    )
    schema = introspect(make(tmp_path / "d.sqlite", script))
    assert [table.name for table in schema.tables] == ["t", "v", "w"]
    assert schema.tables[0].columns[0].samples == ("Oslo",) and schema.tables[1].columns[1].samples == ()


def test_what_no_query_may_read_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "d.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.create_function("mine", 1, lambda value: value, deterministic=True)
        connection.execute("CREATE TABLE t (a TEXT, b TEXT AS (mine(a)))")
        connection.execute("CREATE VIEW v AS SELECT name FROM pragma_table_info('t')")
        connection.execute("CREATE VIEW gone AS SELECT * FROM t")
        connection.execute("PRAGMA writable_schema = 1")
        sql = "INSERT INTO sqlite_master VALUES ('table', 'g', 'g', 0, 'CREATE VIRTUAL TABLE g USING nowhere(a)')"
        connection.execute(sql)
        connection.execute("CREATE TABLE g_node (a)")
        connection.commit()
    schema = introspect(str(path))
    assert [(table.name, [column.name for column in table.columns]) for table in schema.tables] == [
        ("t", ["a"]),
        ("gone", ["a"]),
    ]


def test_keys_that_lead_nowhere_are_left_out(tmp_path: Path) -> None:
    script = """
        CREATE TABLE p (id INTEGER PRIMARY KEY, n TEXT);
        CREATE TABLE c (pid INT REFERENCES p(nope), q INT REFERENCES p, FOREIGN KEY (q) REFERENCES p(id));
        CREATE TABLE room (building TEXT PRIMARY KEY);
        CREATE TABLE lesson (house TEXT, door INT, FOREIGN KEY (house, door) REFERENCES room);
        """
    assert introspect(make(tmp_path / "d.sqlite", script)).foreign_keys == (ForeignKey("c", "q", "p", "id"),)


def test_a_view_whose_table_is_gone_hides_no_table_of_a_like_name(tmp_path: Path) -> None:
    script = """
        CREATE TABLE gone (a TEXT);
        CREATE VIEW lost AS SELECT a FROM gone;
        CREATE TABLE lost_items (b TEXT);
        DROP TABLE gone;
        """
    assert [table.name for table in introspect(make(tmp_path / "d.sqlite", script)).tables] == ["lost_items"]
