"""DDL text of every dialect to schemas, and schemas to DDL that SQLite runs."""

import contextlib
import logging
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sql_llama.core.errors import DataError
from sql_llama.core.records import Column, ForeignKey, Schema, Table
from sql_llama.databases.introspect import introspect
from sql_llama.prompts.schema_text import render_schema
from sql_llama.sql.ddl.parse import parse_ddl
from sql_llama.sql.ddl.render import render_ddl
from sql_llama.sql.names import fold, quoted


def test_ddl_gives_tables_and_keys_as_written_in_the_columns_and_below() -> None:
    schema = parse_ddl(
        """
        -- people paste what they have
        CREATE TABLE Owners (ID INT PRIMARY KEY, "full name" VARCHAR(20) NOT NULL);
        INSERT INTO Owners VALUES (1, 'Ann');
        CREATE TABLE IF NOT EXISTS Pets (
            ID INT, Owner INT REFERENCES Owners(ID), Weight DECIMAL(9, 2), born TIMESTAMP, alive BOOLEAN,
            PRIMARY KEY (ID), FOREIGN KEY (Owner) REFERENCES Owners
        );
        """,
        name="pasted",
    )
    owners, animals = schema.tables
    assert schema.name == "pasted"
    assert owners.columns == (Column("ID", "int", True), Column("full name", "text"))
    assert [(c.name, c.type, c.primary_key) for c in animals.columns] == [
        ("ID", "int", True),
        ("Owner", "int", False),
        ("Weight", "real", False),
        ("born", "date", False),
        ("alive", "bool", False),
    ]
    assert set(schema.foreign_keys) == {ForeignKey("Pets", "Owner", "Owners", "ID")}


@pytest.mark.parametrize("text", ["", "hello", "SELECT 1", "CREATE TABLE t (", "CREATE TABLE t AS SELECT 1", "'"])
def test_text_that_creates_no_table_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_ddl(text)
    assert caught.value.message.startswith("the schema ") and "\n" not in str(caught.value)


def test_a_schema_written_as_ddl_runs_and_reads_back_the_same(pets: Path, tmp_path: Path) -> None:
    schema = introspect(str(pets))
    ddl = render_ddl(schema)
    connection = sqlite3.connect(":memory:")
    connection.executescript(ddl)
    connection.close()
    again = parse_ddl(ddl)
    assert again.foreign_keys == schema.foreign_keys
    assert [[(c.name, c.type, c.primary_key) for c in t.columns] for t in again.tables] == [
        [(c.name, c.type, c.primary_key) for c in t.columns] for t in schema.tables
    ]


def test_a_key_of_two_columns_is_written_below_the_columns() -> None:
    ddl = render_ddl(parse_ddl('CREATE TABLE "My Links" (a INT, b INT, PRIMARY KEY (a, b))'))
    assert ddl == 'CREATE TABLE "my links" (a INTEGER, b INTEGER, PRIMARY KEY (a, b));'


def shown(ddl: str) -> list[str]:
    return render_schema(parse_ddl(ddl)).splitlines()


MYSQL = Path(__file__).with_name("mysql.sql").read_text(encoding="utf-8")
POSTGRES = Path(__file__).with_name("postgresql.sql").read_text(encoding="utf-8")
SQL_SERVER = Path(__file__).with_name("sql_server.sql").read_text(encoding="utf-8")
ORACLE = Path(__file__).with_name("oracle.sql").read_text(encoding="utf-8")


def test_a_dump_of_mysql_has_its_columns_and_keys_and_no_index_among_them() -> None:
    assert shown(MYSQL) == [
        "guests.id int pk",
        "guests.name text",
        "guests.diet text",
        "guests.came date",
        "guests.room int",
        "rooms.no int pk",
        "rooms.price real",
        "rooms.big int",
        "guests.room = rooms.no",
    ]


def test_a_dump_of_postgresql_has_the_keys_that_it_adds_afterwards() -> None:
    assert shown(POSTGRES) == [
        "tasks.id int pk",
        "tasks.title text",
        "tasks.tags text",
        "tasks.counts text",
        "tasks.at date",
        "tasks.hue text",
        "tasks.cost real",
        "tasks.big bool",
        "tasks.serial_no int",
        "tasks.extra int",
        "steps.task int pk",
        "steps.place int pk",
        "steps.task = tasks.id",
    ]


def test_a_script_of_sql_server_or_oracle_is_read_without_semicolons_and_owners() -> None:
    assert shown(SQL_SERVER) == [
        "receipts.id int pk",
        'receipts."when" date',
        "receipts.note text",
        "receipts.sum text",
        "receipts.paid bool",
        'lines."receipt id" int',
        "lines.price real",
        'lines."receipt id" = receipts.id',
    ]
    assert shown(ORACLE) == ["emp.id int pk", "emp.name text", "emp.pay real", "emp.born date"]


@pytest.mark.parametrize(
    "ddl, lines",
    [
        ("CREATE TABLE t (a PRIMARY KEY, b) WITHOUT ROWID", ["t.a text pk", "t.b text"]),
        ("CREATE TABLE t (a INT, b ANY) STRICT, WITHOUT ROWID;", ["t.a int", "t.b text"]),
        ("CREATE TABLE t (a UNSIGNED BIG INT, b DOUBLE PRECISION, c)", ["t.a int", "t.b real", "t.c text"]),
        (
            "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT, b AS (a * 2), c INT GENERATED ALWAYS AS (a) STORED)",
            ["t.a int pk", "t.b text", "t.c int"],
        ),
        (
            "CREATE TEMP TABLE IF NOT EXISTS main.'my t' ([a b] INT, `c``d` TEXT)",
            ['"my t"."a b" int', '"my t"."c`d" text'],
        ),
        ('CREATE TABLE "a.b" ("c.d" INT, "e""f" TEXT)', ['"a.b"."c.d" int', '"a.b"."e""f" text']),
        ("CREATE TABLE mine.seam (id INT)", ["seam.id int"]),
        ("CREATE TABLE shop..seam (id INT)", ["seam.id int"]),
        (
            "CREATE TABLE t (id INT DEFAULT (1 + (2)), n TEXT CHECK (n IN ('a', 'b,')), CHECK (id > 0),)",
            ["t.id int", "t.n text"],
        ),
        ("CREATE TABLE t (id INT) CREATE TABLE u (id INT)", ["t.id int", "u.id int"]),
        ("```sql\nCREATE TABLE t (id INT);\n```", ["t.id int"]),
        (
            "CREATE TABLE t (s STRUCT<a INT, b STRING>, l ARRAY<STRUCT<c INT>>, n INT64)",
            ["t.s text", "t.l text", "t.n int"],
        ),
        ("CREATE TABLE u (SELECT 1 AS a); CREATE TABLE t (id INT)", ["t.id int", "u.a text"]),
        ("CREATE SCHEMA s CREATE TABLE t (id INT)", ["t.id int"]),
        ("CREATE TABLE t (id INT); CREATE TABLE t (id INT, name TEXT)", ["t.id int", "t.name text"]),
        (
            "ALTER TABLE gone ADD x INT; CREATE TABLE t (a INT); ALTER TABLE t ADD COLUMN b TEXT",
            ["t.a int", "t.b text"],
        ),
        ("CREATE TABLE t (ünïcode INT, 名前 TEXT)", ['t."ünïcode" int', 't."名前" text']),
    ],
)
def test_what_people_write_in_a_create_table_is_read(ddl: str, lines: list[str]) -> None:
    assert shown(ddl) == lines


def test_columns_that_are_called_key_and_index_are_columns() -> None:
    ddl = "CREATE TABLE t (key VARCHAR(20), `index` INT, period DATE, value TEXT, KEY by_key (key(5)), INDEX (value))"
    assert shown(ddl) == ["t.key text", 't."index" int', "t.period date", "t.value text"]
    assert shown("CREATE TABLE t (index INT, key TEXT)") == ['t."index" int', "t.key text"]


def test_a_foreign_key_without_columns_means_the_primary_key_in_its_order() -> None:
    ddl = """
        CREATE TABLE lesson (id INTEGER PRIMARY KEY, house TEXT, door INT, FOREIGN KEY (door, house) REFERENCES room,
                             node INT REFERENCES node, gone INT REFERENCES gone (id), wrong INT REFERENCES room);
        CREATE TABLE room (building TEXT, number INTEGER, PRIMARY KEY (number, building));
        CREATE TABLE node (id INTEGER PRIMARY KEY, parent INT REFERENCES Node (ID), other INT REFERENCES node (nosuch));
    """
    assert parse_ddl(ddl).foreign_keys == (
        ForeignKey("lesson", "door", "room", "number"),
        ForeignKey("lesson", "house", "room", "building"),
        ForeignKey("lesson", "node", "node", "id"),
        ForeignKey("node", "parent", "node", "id"),
    )


def test_a_view_is_a_table_with_the_columns_that_sqlite_sees() -> None:
    ddl = """
        CREATE TABLE mine.seam (id INT PRIMARY KEY, depth REAL);
        CREATE OR REPLACE VIEW mine.deep (id, metres) AS SELECT id, depth FROM mine.seam WHERE depth <= 50;
        CREATE VIEW deepest AS SELECT max(metres) AS most FROM deep;
        CREATE VIEW broken AS SELECT * FROM gone;
    """
    assert shown(ddl)[2:] == ["deep.id int", "deep.metres real", "deepest.most text"]


@pytest.mark.parametrize(
    "ddl, problem",
    [
        ("CREATE TABLE t (a INT, b TEXT", "the brackets of t are not closed"),
        ("CREATE TABLE t (a INT); INSERT INTO t VALUES ('x)", "' is not closed"),
        ("CREATE FUNCTION f() AS $x$ BEGIN", "$x$ is not closed"),
        ("CREATE TABLE t (1 INT)", "1 is not a column"),
        ("CREATE TABLE a.t (x INT); CREATE TABLE b.t (y INT)", "two tables called t"),
        ("CREATE TABLE t LIKE u", "takes columns from u, which it does not create"),
        ("CREATE TABLE t ()", "creates no table"),
    ],
)
def test_a_schema_that_cannot_be_read_says_why(ddl: str, problem: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_ddl(ddl)
    assert problem in caught.value.message


@pytest.mark.parametrize(
    "hostile",
    [
        "(" * 200_000,
        "CREATE TABLE t (a INT CHECK " + "(" * 100_000,
        "[" * 200_000,
        "$a" * 100_000 + "$",
        "/*" * 200_000,
        "CREATE TABLE t (" + "key k (x), " * 30_000 + "a INT)",
        "CREATE TABLE t (a INT" + " REFERENCES t" * 50_000 + ")",
        "CREATE TABLE t (a INT);" + "CREATE VIEW v AS SELECT a FROM t;" * 20_000,
        "CREATE TABLE t (a INT);" + "ALTER TABLE t ADD KEY k (a);" * 20_000,
        "x" * 6_000_000,
    ],
)
def test_no_text_keeps_the_reader_for_long(hostile: str) -> None:
    """A reader whose time grows with the square of the text would need hours, and be stopped by the test's limit."""
    with contextlib.suppress(DataError):
        parse_ddl(hostile)


def test_the_console_stays_quiet(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.DEBUG):
        for ddl in (MYSQL, POSTGRES, SQL_SERVER, ORACLE):
            parse_ddl(ddl)
    assert not caplog.records and capfd.readouterr() == ("", "")


WORDS = (
    "order KEY Index group primary check constraint with like period exclude fulltext go create table view if not only "
    "exists unique references foreign alter type domain generated always as select default array integer text"
).split()
NAMES = st.one_of(
    st.sampled_from([*WORDS, "a b", "Ünï", "名前", 'q"q', "`", "]", "'", "a.b", "--", "```", "1", "#x", "$$"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8),
)
COLUMNS = st.tuples(NAMES, st.sampled_from(["int", "real", "text", "date", "bool"]), st.booleans())


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(NAMES, st.lists(COLUMNS, min_size=1, max_size=5, unique_by=lambda column: fold(column[0]))),
        min_size=1,
        max_size=4,
        unique_by=lambda table: fold(table[0]),
    )
)
def test_any_schema_becomes_ddl_that_sqlite_runs_and_that_reads_back_the_same(
    drawn: list[tuple[str, list[tuple[str, str, bool]]]],
) -> None:
    drawn = [(name, columns) for name, columns in drawn if not fold(name).startswith("sqlite_")]
    tables = tuple(Table(name, tuple(Column(*column) for column in columns)) for name, columns in drawn)
    if not tables:
        return
    first, last = tables[0], tables[-1]
    keys = (ForeignKey(last.name, last.columns[0].name, first.name, first.columns[-1].name),)
    ddl = render_ddl(Schema(tables, keys))
    again = parse_ddl(ddl)
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(ddl)
        for table, read in zip(tables, again.tables, strict=True):
            rows = connection.execute(f"PRAGMA table_info({quoted(fold(table.name))})").fetchall()
            made = [(row[1], row[5] > 0) for row in rows]
            assert made == [(fold(column.name), column.primary_key) for column in table.columns]
            assert made == [(column.name, column.primary_key) for column in read.columns]
            assert [column.type for column in read.columns] == [column.type for column in table.columns]
    finally:
        connection.close()
    assert [tuple(map(fold, (k.table, k.column, k.ref_table, k.ref_column))) for k in again.foreign_keys] == [
        tuple(map(fold, (k.table, k.column, k.ref_table, k.ref_column))) for k in keys
    ]
