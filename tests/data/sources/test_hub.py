"""Sets of the Hub: their layout is that of their first row, and their key holds the commit of the set.

A local folder of the same layout goes the same way; what the Hub itself says comes from a server on this machine.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sql_llama.core.errors import DataError
from sql_llama.core.recipe import Source
from sql_llama.data.sources.open_source import OpenSource, open_source

DDL = "CREATE TABLE pets (name TEXT, age INT);"
SQL = "SELECT name FROM pets"
TABLE = {"id": "1-2", "header": ["Name", "Age"], "types": ["text", "real"], "rows": [["Ann", "3"]], "name": "t"}
CODED = {"sel": 1, "agg": 3, "conds": {"column_index": [0], "operator_index": [0], "condition": ["ann"]}}
ROWS: dict[str, dict[str, Any]] = {
    "rows": {"question": "Who?", "context": DDL, "answer": SQL},
    "messages": {"messages": [{"role": "user", "content": f"{DDL} Who?"}, {"role": "assistant", "content": SQL}]},
    "llama2": {"text": f"<s>[INST] {DDL} Who? [/INST] {SQL} </s>"},
    "wikisql": {"question": "Who?", "table": TABLE, "sql": CODED},
}


def opened(folder: Path, row: object, **keys: Any) -> OpenSource:
    folder.mkdir(exist_ok=True)
    (folder / "set.jsonl").write_text(json.dumps(row) + "\n")
    return open_source(Source(path=f"hub:{folder}", **keys), folder.parent / "cache")


@pytest.mark.parametrize("layout", ROWS)
def test_the_layout_of_a_set_is_that_of_its_first_row(layout: str, tmp_path: Path) -> None:
    source = opened(tmp_path / "set", ROWS[layout])
    (row,) = source.rows()
    assert source.layout == layout and row.question == "Who?" and "CREATE TABLE" in row.schema
    assert row.sql == ("SELECT COUNT(age) FROM table_1_2 WHERE name = 'Ann'" if layout == "wikisql" else SQL)


def test_a_set_that_changed_has_another_key(tmp_path: Path) -> None:
    keys = [dict(opened(tmp_path / "set", {**ROWS["rows"], "answer": sql}).files) for sql in (SQL, SQL, "SELECT 1")]
    assert keys[0] == keys[1] != keys[2]


def test_a_set_in_which_no_row_has_the_columns_names_those_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"set:1: no sql \(the row has: question, context\)"):
        list(opened(tmp_path / "set", {"question": "Who?", "context": DDL}).rows())


@contextmanager
def hub(commit: str) -> Iterator[str]:
    """A server that says of every set that it is at this commit."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"_id": "1", "id": "owner/set", "sha": commit}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


PROGRAM = """
from pathlib import Path
from sql_llama.core.recipe import Source
from sql_llama.data.sources.open_source import open_source
source = open_source(Source(path="hub:owner/set", layout="rows"), Path("cache"))
print(source.files["hub"])
try:
    next(source.rows())
except Exception as error:
    print(error)
"""


def asked(folder: Path, program: str, **env: str) -> list[str]:
    """What a process says that asks this Hub."""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env={**os.environ, **env}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_commit_is_part_of_the_key_and_is_kept_for_a_time_without_network(tmp_path: Path) -> None:
    only_key = PROGRAM.partition("try:")[0]
    with hub("c0ffee") as address:
        (first,) = asked(tmp_path, only_key, HF_ENDPOINT=address, HF_HUB_OFFLINE="0")
    assert first == "owner/set|||train|c0ffee"
    key, said = asked(tmp_path, PROGRAM, HF_HUB_OFFLINE="1")
    assert key == first and said.startswith("owner/set: cannot be read from the Hub: HF_HUB_OFFLINE is set (unset ")
    with hub("beef") as address:
        assert asked(tmp_path, only_key, HF_ENDPOINT=address, HF_HUB_OFFLINE="0") == ["owner/set|||train|beef"]
