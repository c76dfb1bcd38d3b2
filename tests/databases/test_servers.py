"""PostgreSQL, MariaDB and DuckDB: read as they are, translated to, and not changed by what is in attacks/."""

import contextlib
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sql_llama.assistant.prepare import prepare
from sql_llama.cli.doctor import command as doctor
from sql_llama.cli.run import command
from sql_llama.core.errors import DataError, QueryError
from sql_llama.core.records import ForeignKey
from sql_llama.databases.database import open_database
from sql_llama.databases.rights import reader_sql, rights_too_many

from .servers import PASSWORD, TABLES, Server, mariadb, postgres

ENGINES = ("postgresql", "mariadb", "duckdb")
pytestmark = pytest.mark.servers


@pytest.fixture(scope="module", params=ENGINES)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp(request.param)
    with contextlib.ExitStack() as stack:
        if request.param == "duckdb":
            yield duckdb_file(folder)
        else:
            yield stack.enter_context({"postgresql": postgres, "mariadb": mariadb}[request.param](folder / "server"))


def duckdb_file(folder: Path) -> Server:
    import duckdb

    with contextlib.closing(duckdb.connect(str(folder / "shop.duckdb"))) as connection:
        for sql in TABLES:
            twice = ", FOREIGN KEY (customer_id) REFERENCES customer (id)"
            connection.execute(sql.replace("timestamp NULL,", "timestamp,").replace(twice, ""))
    return Server(f"duckdb:///{folder}/shop.duckdb", folder)


def attacks(engine: str) -> list[str]:
    text = (Path(__file__).parent / "attacks" / f"{engine}.sql").read_bytes().decode()
    return text.removesuffix("\n").split("\n---\n")


def engine_of(server: Server) -> str:
    scheme = server.url.partition(":")[0]
    return {"mysql+pymysql": "mariadb"}.get(scheme, scheme)


def tables(server: Server) -> str:
    """The rows of all tables."""
    names = ["customer", "orders"]
    out = []
    with contextlib.closing(open_database(server.url)) as database:
        for name in names:
            out.append(repr(database.query(f"SELECT * FROM {name} ORDER BY id").rows))
        (count,) = database.query("SELECT count(*) FROM information_schema.tables").rows
    return "\n".join([*out, repr(count)])


def test_schema_has_tables_keys_and_samples(server: Server) -> None:
    schema = prepare(server.url).schema
    by_name = {table.name: table for table in schema.tables}
    assert {"customer", "orders"} <= by_name.keys()
    columns = {column.name: column for column in by_name["orders"].columns}
    assert columns["id"].primary_key
    assert [columns[name].type for name in ("id", "placed_at", "status")] == ["int", "date", "text"]
    assert columns["status"].samples == ("open", "cancelled")
    assert ForeignKey("orders", "customer_id", "customer", "id") in schema.foreign_keys
    assert "zoë" in prepare(server.url).cells


def test_queries_of_the_models_run_on_each_engine(server: Server) -> None:
    database = prepare(server.url)
    asked = {
        "SELECT customer.name, count(*) FROM customer JOIN orders ON orders.customer_id = customer.id "
        "GROUP BY customer.id ORDER BY count(*) DESC": (("Ann", 2), ("Bob", 1)),
        "SELECT customer.name FROM customer WHERE customer.name LIKE 'a%'": (("Ann",),),
        "SELECT strftime('%Y-%m', orders.placed_at), count(*) FROM orders WHERE orders.placed_at IS NOT NULL "
        "GROUP BY 1 ORDER BY 1": (("2026-01", 1), ("2026-02", 1)),
        "SELECT sum(customer.balance_cents), avg(customer.balance_cents) FROM customer WHERE customer.id < 3": (
            (1250, 625),
        ),
        "SELECT orders.placed_at FROM orders WHERE orders.id = '1'": (("2026-01-02 03:04:05",),),
        "SELECT count(*) FROM orders WHERE orders.placed_at > date('now', '-100 years')": ((2,),),
        "SELECT orders.id FROM orders WHERE orders.status = 5": (),
    }
    with contextlib.closing(open_database(server.url)) as opened:
        for sql, rows in asked.items():
            assert opened.query(database.rewrite(sql)).rows == rows, database.rewrite(sql)


def test_tables_of_another_schema_have_a_name_of_their_own(server: Server) -> None:
    if engine_of(server) != "postgresql":
        return
    database = prepare(server.url)
    sql = database.rewrite("SELECT archive_orders.note FROM archive_orders")
    with contextlib.closing(open_database(server.url)) as opened:
        assert opened.query(sql).rows == (("old",),)


def test_limits_of_rows_and_time_hold_and_the_connection_goes_on(server: Server) -> None:
    bomb = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    if engine_of(server) == "mariadb":
        bomb = "SELECT count(*) FROM " + ", ".join(f"information_schema.columns c{place}" for place in range(4))
    with contextlib.closing(open_database(server.url)) as database:
        with pytest.raises(QueryError) as caught:
            database.query(bomb, timeout=1)
        assert caught.value.kind in ("timeout", "memory")
        result = database.query("SELECT a.id FROM customer a, customer b, customer c, customer d", max_rows=5)
        assert (len(result.rows), result.truncated) == (5, True)
        assert database.query("SELECT count(*) FROM customer").rows == ((3,),)


@pytest.mark.timeout(1500)
def test_attacks_change_nothing_and_read_nothing_outside(server: Server, tmp_path: Path) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text("secret\nOUTSIDE-7f3a\n")
    targets = tmp_path / "targets"
    targets.mkdir()
    for folder in (tmp_path, targets):
        folder.chmod(0o777)
    before = tables(server)
    file = Path(server.url.removeprefix("duckdb:///"))
    digest = hashlib.sha256(file.read_bytes()).digest() if file.is_file() else None
    ran = []
    blocks = attacks(engine_of(server))
    assert len(blocks) >= 200
    with contextlib.closing(open_database(server.url)) as database:
        for block in blocks:
            sql = block.partition("\n")[2].replace("{outside}", str(outside)).replace("{target}", str(targets / "t"))
            try:
                result = database.query(sql, timeout=2, max_rows=50)
            except QueryError:
                continue
            ran.append(block)
            shown = repr(result.rows)
            assert "OUTSIDE-7f3a" not in shown, block
            assert not re.search(r"root:.?:0:0", shown), block
            assert PASSWORD not in shown and "SCRAM-SHA" not in shown, block
        assert database.query("SELECT count(*) FROM customer").rows == ((3,),)
    assert tables(server) == before
    assert list(targets.iterdir()) == []
    assert (hashlib.sha256(file.read_bytes()).digest() if file.is_file() else None) == digest
    print(f"{engine_of(server)}: {len(blocks)} attacks, {len(blocks) - len(ran)} refused or failed")
    for block in ran:
        print("  ran:", block[:150].replace("\n", " | "))


def test_a_wrong_password_is_one_line_without_it(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    if engine_of(server) == "duckdb":
        return
    with pytest.raises(DataError) as caught:
        open_database(server.url.replace(PASSWORD, "wr0ng-pass"))
    assert "password is wrong" in str(caught.value) and "wr0ng" not in str(caught.value)
    monkeypatch.setenv("SQL_LLAMA_DB_PASSWORD", PASSWORD)
    with contextlib.closing(open_database(server.url.replace(f":{PASSWORD}", ""))) as database:
        assert database.query("SELECT count(*) FROM orders").rows == ((3,),)


def test_run_says_refused(server: Server) -> None:
    result = CliRunner().invoke(command, ["DELETE FROM orders", "--db", server.url, "--json"])
    assert result.exit_code == 1
    assert '"kind": "refused"' in result.stdout


def test_doctor_names_the_rights_that_are_too_many_and_a_reader_has_none(server: Server) -> None:
    if engine_of(server) == "duckdb":
        assert rights_too_many(server.url) == ()
        return
    found = rights_too_many(server.url)
    assert found == (("SUPERUSER", "CREATEROLE", "CREATEDB") if engine_of(server) == "postgresql" else found)
    assert found
    result = CliRunner().invoke(doctor, ["--db", server.url])
    assert "warning" in result.output
    assert found[0] in result.output and "reader" in result.output and PASSWORD not in result.output
    reader = make_reader(server)
    assert rights_too_many(reader) == ()
    assert "warning  rights" not in CliRunner().invoke(doctor, ["--db", reader]).output
    assert {"customer", "orders"} <= {table.name for table in prepare(reader).schema.tables}


def make_reader(server: Server) -> str:
    """Make the login that doctor proposes, and return its URL."""
    statements = [part.replace("'...'", "'read3r'") for part in reader_sql(server.url).split(";") if part.strip()]
    if engine_of(server) == "postgresql":
        import psycopg

        with psycopg.connect(server.url, autocommit=True) as connection:
            for sql in statements:
                connection.execute(sql.encode())
    else:
        import pymysql

        port = int(re.findall(r":(\d+)/", server.url)[0])
        with (
            contextlib.closing(pymysql.connect(host="127.0.0.1", port=port, user="root")) as opened,
            opened.cursor() as cursor,
        ):
            for sql in statements:
                cursor.execute(sql)
    return server.url.replace(f"owner:{PASSWORD}", "reader:read3r")
