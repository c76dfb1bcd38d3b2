"""A database can be read and nothing else: the database itself sees to it, whatever the text says."""

import os
import socket
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError, QueryError
from sql_llama.core.files import sha256
from sql_llama.databases import sqlite
from sql_llama.databases.sqlite import connect, query, run, sqlite_path

ATTACKS = [
    "DELETE FROM pets",
    "INSERT INTO pets (name) VALUES ('x')",
    "UPDATE pets SET name = 'x'",
    "DROP TABLE pets",
    "CREATE TABLE x (a)",
    "CREATE TEMP TABLE x AS SELECT 1",
    "CREATE TEMP TRIGGER x AFTER INSERT ON pets BEGIN SELECT 1; END",
    "ALTER TABLE pets RENAME TO x",
    "PRAGMA query_only = 0",
    "PRAGMA writable_schema = 1",
    "PRAGMA journal_mode = DELETE",
    "SELECT * FROM pragma_journal_mode('delete')",
    "ATTACH DATABASE '/tmp/x.sqlite' AS x",
    "VACUUM",
    "VACUUM INTO '/tmp/x.sqlite'",
    "REINDEX",
    "ANALYZE",
    "BEGIN IMMEDIATE",
    "SAVEPOINT x",
    "SELECT load_extension('x')",
    "SELECT 1; DELETE FROM pets",
    "WITH x AS (SELECT 1) DELETE FROM pets",
    "REPLACE INTO pets (id) VALUES (1)",
    "EXPLAIN DELETE FROM pets",
    "UPDATE sqlite_master SET sql = ''",
]


@pytest.mark.parametrize("sql", ATTACKS)
def test_nothing_but_reading(pets: Path, sql: str) -> None:
    before = sha256(pets)
    with pytest.raises(QueryError):
        run(str(pets), sql)
    assert sha256(pets) == before
    assert sorted(item.name for item in pets.parent.iterdir()) == ["home", "pets.sqlite"]


@pytest.mark.parametrize(
    "sql", ["", "   ", "-- nothing", "no query at all", "SELECT '\0'", "SELECT '\ud800'", "SELECT ("]
)
def test_text_that_is_no_query_is_refused(pets: Path, sql: str) -> None:
    with pytest.raises(QueryError):
        run(str(pets), sql)


def test_rows_come_back_as_the_database_holds_them(pets: Path) -> None:
    result = run(f"sqlite:///{pets}", "SELECT name, weight, NULL AS n FROM pets WHERE kind = 'cat' ORDER BY weight")
    assert result.columns == ("name", "weight", "n")
    assert result.rows == (("Kit", 3.5, None), ("Tom", 4.0, None))
    assert not result.truncated


def test_rows_beyond_the_cap_are_not_read(pets: Path) -> None:
    forever = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    result = run(str(pets), forever, max_rows=10)
    assert [row[0] for row in result.rows] == list(range(1, 11)) and result.truncated
    assert not run(str(pets), "SELECT * FROM pets", max_rows=3).truncated


def test_a_query_without_end_is_stopped(pets: Path) -> None:
    forever = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n"
    with pytest.raises(QueryError, match=r"stopped after 0\.2 s"):
        run(str(pets), forever, timeout=0.2)


@pytest.mark.parametrize("sql", ["SELECT zeroblob(1000000000)", "SELECT hex(zeroblob(9000000))"])
def test_a_giant_value_is_refused(pets: Path, sql: str) -> None:
    with pytest.raises(QueryError):
        run(str(pets), sql)


def test_many_large_values_are_cut(pets: Path) -> None:
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 40) SELECT zeroblob(9000000) FROM n"
    result = run(str(pets), many)
    assert result.truncated and len(result.rows) < 12


def test_what_is_no_database_is_said_in_one_line(tmp_path: Path) -> None:
    text = tmp_path / "text.sqlite"
    text.write_text("not a database at all")
    cut = tmp_path / "cut.sqlite"
    cut.write_bytes(b"SQLite format 3\0" + b"\xff" * 50)
    pipe, channel = tmp_path / "pipe", tmp_path / "channel"
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(channel))
        for path in (text, cut, pipe, channel, tmp_path, tmp_path / "missing", Path("/dev/zero"), Path("a\0b")):
            with pytest.raises(DataError) as caught:
                connect(str(path)).close()
            assert "\n" not in str(caught.value) and caught.value.fix
    assert sorted(item.name for item in tmp_path.iterdir()) == ["channel", "cut.sqlite", "home", "pipe", "text.sqlite"]


def test_other_databases_are_named() -> None:
    with pytest.raises(DataError, match="postgresql: databases of this kind"):
        sqlite_path("postgresql://localhost/x")


def test_odd_paths_are_only_paths(tmp_path: Path, pets: Path) -> None:
    odd = tmp_path / "a?mode=rwc#b%41 'c.sqlite"
    odd.write_bytes(pets.read_bytes())
    assert run(str(odd), "SELECT count(*) FROM pets").rows == ((3,),)


def test_a_write_ahead_database_is_read_without_a_trace(tmp_path: Path, pets: Path) -> None:
    with sqlite3.connect(pets) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    folder = tmp_path / "locked"
    folder.mkdir()
    path = folder / "pets.sqlite"
    path.write_bytes(pets.read_bytes())
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert run(str(path), "SELECT count(*) FROM pets").rows == ((3,),)
        assert [item.name for item in folder.iterdir()] == ["pets.sqlite"]
    finally:
        folder.chmod(0o755)


def test_rows_that_are_still_in_the_log_are_seen(pets: Path) -> None:
    writer = sqlite3.connect(pets)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("INSERT INTO owners VALUES (3, 'Eve', 'Rome')")
    writer.commit()
    try:
        assert run(str(pets), "SELECT count(*) FROM owners").rows == ((3,),)
    finally:
        writer.close()


VIRTUAL = """
    CREATE VIRTUAL TABLE docs USING fts5(title, body);
    INSERT INTO docs VALUES ('Pears', 'green and sweet'), ('Plums', 'blue');
    CREATE VIRTUAL TABLE old USING fts4(title, body);
    INSERT INTO old VALUES ('Pears', 'green'), ('Plums', 'blue');
    CREATE VIRTUAL TABLE words USING fts5vocab(docs, row);
    CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1);
    INSERT INTO boxes VALUES (1, 2, 3), (2, 5, 6);
    CREATE TABLE shelf (id INTEGER PRIMARY KEY, tags TEXT, first TEXT AS (json_extract(tags, '$[0]')),
        whole TEXT GENERATED ALWAYS AS (id || tags) STORED);
    INSERT INTO shelf (tags) VALUES ('["a", "b"]'), ('["c"]');
    CREATE VIEW found AS SELECT title FROM docs WHERE docs MATCH 'green';
    CREATE VIEW every AS SELECT shelf.id, value FROM shelf, json_each(shelf.tags);
"""


@pytest.fixture
def virtual(tmp_path: Path) -> Path:
    path = tmp_path / "virtual.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VIRTUAL)
    return path


@pytest.mark.parametrize(
    ("sql", "first"),
    [
        ("SELECT title FROM docs WHERE docs MATCH 'green'", "Pears"),
        ("SELECT title FROM docs('blue') ORDER BY rank", "Plums"),
        ("SELECT highlight(docs, 0, '<', '>') FROM docs WHERE docs MATCH 'pears' ORDER BY bm25(docs)", "<Pears>"),
        ("SELECT title FROM old WHERE old MATCH 'blue'", "Plums"),
        ("SELECT snippet(old) FROM old WHERE old MATCH 'blue'", "<b>blue</b>"),
        ("SELECT term FROM words ORDER BY cnt DESC, term", "and"),
        ("SELECT id FROM boxes WHERE x0 > 4", 2),
        ("SELECT count(*) FROM shelf WHERE EXISTS (SELECT 1 FROM json_each(shelf.tags) WHERE value = 'b')", 1),
        ("SELECT fullkey FROM json_tree('[1]') WHERE type = 'integer'", "$[0]"),
        ("SELECT title FROM found", "Pears"),
        ("SELECT value FROM every WHERE id = 2", "c"),
        ("SELECT first FROM shelf", "a"),
        ("SELECT whole FROM shelf WHERE id = 2", '2["c"]'),
    ],
)
def test_full_text_search_and_generated_columns_are_read(virtual: Path, sql: str, first: object) -> None:
    before = sha256(virtual)
    connection = connect(str(virtual))
    for _ in range(2):  # a connection is used again
        assert query(connection, sql).rows[0][0] == first
    connection.close()
    assert sha256(virtual) == before


@pytest.mark.parametrize(
    "sql",
    [
        *("INSERT INTO docs(docs) VALUES ('rebuild')", "INSERT INTO old(old) VALUES ('optimize')", "DELETE FROM docs"),
        *("INSERT INTO boxes VALUES (9, 1, 2)", "DROP TABLE docs", "UPDATE docs_data SET block = x''"),
        *("CREATE VIRTUAL TABLE x USING fts5(a)", "CREATE VIRTUAL TABLE temp.x USING fts5vocab(main, docs, row)"),
        *("PRAGMA page_size = 8192", "PRAGMA data_version = 3", "PRAGMA table_info(docs)", "PRAGMA trusted_schema = 0"),
        *("SELECT * FROM pragma_table_info('docs')", "SELECT * FROM pragma_database_list", "SELECT * FROM dbstat"),
        *("SELECT * FROM sqlite_stmt", "SELECT * FROM sqlite_dbpage", "SELECT * FROM fts3tokenize('simple')"),
        *("SELECT fts3_tokenizer('simple')", "SELECT fts3_tokenizer('simple', x'0000000000000000')"),
        "UPDATE sqlite_master SET type = 'table'",
        "INSERT INTO sqlite_master VALUES ('table', 'x', 'x', 0, 'CREATE VIRTUAL TABLE x USING fts5(a)')",
    ],
)
def test_what_virtual_tables_need_opens_nothing_else(virtual: Path, sql: str) -> None:
    before = sha256(virtual)
    connection = connect(str(virtual))
    with pytest.raises(QueryError):
        query(connection, sql)
    assert query(connection, "SELECT count(*) FROM docs").rows == ((2,),)  # and the connection is as good as before
    connection.close()
    assert sha256(virtual) == before
    assert sorted(item.name for item in virtual.parent.iterdir()) == ["home", "virtual.sqlite"]


def test_a_locked_database_is_said_to_be_locked(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "LOCK_TIME", 0.1)
    other = sqlite3.connect(pets, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(DataError, match="locked by another program") as caught:
            connect(str(pets))
        assert "wait" in caught.value.fix
    finally:
        other.close()


def test_a_change_that_was_cut_off_is_named_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "hot.sqlite"
    script = f"""
import os, signal, sqlite3
c = sqlite3.connect({str(path)!r}, isolation_level=None)
c.executescript("CREATE TABLE note (text TEXT); "
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000) "
    "INSERT INTO note SELECT hex(randomblob(40)) FROM n; PRAGMA cache_size = 5; PRAGMA cache_spill = 5; BEGIN; "
    "UPDATE note SET text = upper(text) || 'x';")
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script], check=False)
    assert path.with_name("hot.sqlite-journal").exists()
    before = sha256(path)
    with pytest.raises(DataError, match=r"stopped in the middle of a change.*hot\.sqlite-journal"):
        connect(str(path))
    assert sha256(path) == before
    sqlite3.connect(path).execute("SELECT count(*) FROM note").fetchone()  # what the fix does
    assert run(str(path), "SELECT count(*) FROM note").rows == ((3000,),)


@pytest.mark.skipif(sys.platform != "linux", reason="a folder is mounted read-only by Linux's unshare")
def test_a_log_that_cannot_be_read_is_named_with_the_way_out(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    path = disk / "notes.sqlite"
    writer = sqlite3.connect(path)
    writer.executescript("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE note (id INT)")
    writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    writer.execute("INSERT INTO note VALUES (1)")
    writer.commit()
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("notes.sqlite", "notes.sqlite-wal"):
        (copy / name).write_bytes((disk / name).read_bytes())
    writer.close()
    asked = f"run({str(copy / 'notes.sqlite')!r}, 'SELECT count(*) FROM note')"
    script = f"from sql_llama.databases.sqlite import run; print({asked})"
    mount = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mount, str(copy), sys.executable, "-c", script], capture_output=True, text=True
    )
    assert "newest rows are in the write-ahead log notes.sqlite-wal" in done.stderr, done.stderr
    there = tmp_path / "there"
    there.mkdir()
    for name in ("notes.sqlite", "notes.sqlite-wal"):  # what the fix does
        (there / name).write_bytes((copy / name).read_bytes())
    assert run(str(there / "notes.sqlite"), "SELECT count(*) FROM note").rows == ((1,),)
