"""Files of pairs: every layout that is read, and one line that says what to do about any other file."""

import csv
import gzip
import json
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.data.sources import json_rows
from sql_llama.data.sources.pair_rows import PairRow, pair_rows
from sql_llama.data.sources.unread import TOO_LONG

ROWS = [
    {"question": "How old?", "schema": "CREATE TABLE t (age INT)", "sql": "SELECT age FROM t"},
    {"question": 'Quoted, "so"\nand é?', "schema": "CREATE TABLE t (n INT);\n-- two\n", "sql": "SELECT n\nFROM t"},
]
READ = [tuple(row.values()) for row in ROWS]


def read(path: Path) -> list[tuple[str, str, str]]:
    return [(row.question, row.schema, row.sql) for row in pair_rows(path)]


def as_lines(rows: list[dict[str, str]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def as_csv(rows: list[dict[str, str]], path: Path, sign: str = ",") -> str:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=sign)
        writer.writeheader()
        writer.writerows(rows)
    return path.read_bytes().decode()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("start", ["", "\ufeff", "\n\n  ", "\ufeff\n"])
@pytest.mark.parametrize("kind", ["lines", "list", "pretty list"])
def test_json_is_read_after_a_byte_order_mark_and_blank_lines(
    kind: str, start: str, packed: bool, tmp_path: Path
) -> None:
    whole = as_lines(ROWS) if kind == "lines" else json.dumps(ROWS, indent=2 if kind == "pretty list" else None)
    data = (start + whole).encode()
    path = tmp_path / "data.jsonl"
    path.write_bytes(gzip.compress(data) if packed else data)
    assert read(path) == READ


@pytest.mark.parametrize("sign", [",", "\t", ";"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("name", ["pairs.csv", "pairs.csv.gz", "data.jsonl"])
def test_a_table_of_text_is_read_by_its_header(name: str, start: str, sign: str, tmp_path: Path) -> None:
    rows = [{"id": str(n), **row} for n, row in enumerate(ROWS)]
    data = (start + as_csv(rows, tmp_path / "plain.csv", sign)).encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    assert read(tmp_path / name) == READ


def test_a_cell_longer_than_the_csv_module_takes_by_itself_is_read(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    rows = [{**ROWS[0], "schema": "CREATE TABLE t (age INT)" + " " * 200_000}]
    as_csv(rows, tmp_path / "long.csv")
    assert len(read(tmp_path / "long.csv")[0][1]) > 200_000 and csv.field_size_limit() == limit


@pytest.mark.parametrize("name", ["pairs.parquet", "data.jsonl"])
def test_parquet_is_read_and_an_empty_cell_is_an_empty_text(name: str, tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table(
        {"x": [1, 2], "question": ["A", "B"], "context": ["C", "D"], "answer": ["E", None], "table_id": [7, 8]}
    )
    parquet.write_table(table, tmp_path / name)
    assert list(pair_rows(tmp_path / name)) == [PairRow(1, "A", "C", "E", "7"), PairRow(2, "B", "D", "", "8")]
    parquet.write_table(pyarrow.table({"a": [1], "b": [2]}), tmp_path / name)
    with pytest.raises(DataError, match=r"has no column question and no sql and no schema .*; its columns are a, b"):
        list(pair_rows(tmp_path / name))
    (tmp_path / name).write_bytes(b"PAR1 torn")
    with pytest.raises(DataError, match="broken Parquet"):
        list(pair_rows(tmp_path / name))


@pytest.mark.parametrize(
    "names", [("question", "context", "answer"), ("sql_prompt", "sql_context", "sql"), ("question", "schema", "query")]
)
def test_the_names_of_public_sets_are_known(names: tuple[str, str, str], tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(dict(zip(names, READ[0], strict=True))))
    assert read(path) == READ[:1]


@pytest.mark.parametrize(
    "data, said, fix",
    [
        (b"", "is empty", "question, sql"),
        (b"\n \n", "is empty", "question, sql"),
        (b"\xef\xbb\xbf", "is empty", "question, sql"),
        ('{"question": 1}'.encode("utf-16"), "is UTF-16", "save it as UTF-8"),
        ('{"question": 1}'.encode("utf-16-be"), "is UTF-16", "save it as UTF-8"),
        ('{"question": "é"}'.encode("latin-1"), "data:1: cannot be read (not UTF-8: byte 0xe9)", "save it as UTF-8"),
        (b'{"a": 1}\n' * 5000 + b"{}\n\xc3", "data:5002: cannot be read (not UTF-8: byte 0xc3)", "save it as UTF-8"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS", "git lfs pull"),
        (b"SQLite format 3\0" + bytes(80), "a SQLite database", "data.db"),
        (b"PK\x03\x04" + bytes(30), "a zip file", "question, sql"),
        (b"\x28\xb5\x2f\xfd" + bytes(30), "zstd", "unpack it"),
        (b"\x00\x01\x02", "is binary", "question, sql"),
        (b"id,question,sql\n1,a,b\n", "neither JSON nor CSV", "question, sql"),
        (b"[]", "holds no rows", "question, sql"),
        (b"question,schema,sql\n", "holds no rows, only a line of names (question, schema, sql)", "question, sql"),
        (b'{\n  "question": "Q?"\n}\n', "data:1: one JSON object over several lines", "on one line of its own"),
        (b'{"data": [\n1, 2]}\n', "data:1: one JSON object over several lines", "on one line of its own"),
        (b'question,schema,sql\na,b,"c\nd,e,f\n', "broken CSV", "write it again"),
        (b"hello\nworld\n", "neither JSON nor CSV", "question, sql"),
        (b'[{"question": "A", "schema": "B", "sql": "C"}, {"q', "broken JSON (item 2", "get the file again"),
        (b"[" * 100_000, "broken JSON", "correct it"),
        (b'{"a": ' * 100_000, "data:1: broken JSON", "correct that line"),
    ],
)
def test_any_other_file_is_named_for_what_it_is(data: bytes, said: str, fix: str, tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        list(pair_rows(path))
    assert said in caught.value.message and fix in caught.value.fix and "\n" not in str(caught.value)


def test_a_table_without_the_columns_and_a_folder_say_what_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("id,question,sql\n1,a,b\n")
    said = r"pairs\.csv: its first line names no column schema \(or db\) \(there: id, question, sql\)"
    with pytest.raises(DataError, match=said):
        list(pair_rows(tmp_path / "pairs.csv"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="a folder without files of pairs"):
        list(pair_rows(tmp_path / "empty"))


def test_packed_parquet_is_read_whatever_it_is_called(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"question": ["A"], "schema": ["B"], "sql": ["C"]}), tmp_path / "a")
    for name in ("pairs.parquet", "pairs.parquet.gz"):
        (tmp_path / name).write_bytes(gzip.compress((tmp_path / "a").read_bytes()))
        assert list(pair_rows(tmp_path / name)) == [PairRow(1, "A", "B", "C")]


def test_parquet_without_rows_or_texts_says_so(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    text = pyarrow.array([], pyarrow.string())
    parquet.write_table(pyarrow.table({"question": text, "schema": text, "sql": text}), tmp_path / "a")
    with pytest.raises(DataError, match="holds no rows"):
        list(pair_rows(tmp_path / "a"))
    parquet.write_table(pyarrow.table({"question": ["A"], "schema": ["B"], "sql": [{"x": 1}]}), tmp_path / "a")
    with pytest.raises(DataError, match="its field sql is not text but dict"):
        list(pair_rows(tmp_path / "a"))
    words = pyarrow.array(["A"]).dictionary_encode()
    parquet.write_table(pyarrow.table({"question": words, "schema": ["B"], "sql": ["C"]}), tmp_path / "a")
    assert list(pair_rows(tmp_path / "a")) == [PairRow(1, "A", "B", "C")]


def test_null_in_json_is_an_empty_text(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"question": "A", "schema": "B", "sql": None}))
    assert list(pair_rows(path)) == [PairRow(1, "A", "B", "")]


LISTED = json.dumps(ROWS)


@pytest.mark.parametrize("block", [1, 7, 1 << 16])
def test_a_list_is_read_item_by_item_whatever_is_read_at_once(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_rows, "BLOCK", block)
    (tmp_path / "list.json").write_text(f"[ {LISTED[1:-1]} , ]" if block == 7 else LISTED)
    assert read(tmp_path / "list.json") == READ


def test_a_row_that_is_too_long_is_passed_over_and_the_rest_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_rows, "LONGEST_ROW", 200)
    long = {**ROWS[0], "sql": "x" * 500}
    (tmp_path / "a.jsonl").write_text(as_lines([ROWS[0], long, ROWS[0]]))
    assert [row.fault for row in pair_rows(tmp_path / "a.jsonl")] == ["", TOO_LONG, ""]


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_arrow_is_read_as_datasets_keeps_it(kind: str, tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import ipc

    table = pyarrow.table({name: [row[name] for row in ROWS] for name in ROWS[0]})
    new = ipc.new_file if kind == "file" else ipc.new_stream
    with new(tmp_path / "data-00000-of-00001.arrow", table.schema) as writer:
        writer.write_table(table)
    assert read(tmp_path / "data-00000-of-00001.arrow") == read(tmp_path) == READ


def test_columns_of_other_names_are_mapped_and_a_database_may_stand_for_the_schema(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("q;the query;file\nHow old?;SELECT age FROM t;shop.sqlite\n")
    columns = {"question": "q", "sql": "the query", "db": "file"}
    assert list(pair_rows(tmp_path / "a.csv", columns)) == [
        PairRow(2, "How old?", "", "SELECT age FROM t", db="shop.sqlite")
    ]
    with pytest.raises(DataError, match=r"data\.source\.columns: answer is no field"):
        list(pair_rows(tmp_path / "a.csv", {"answer": "q"}))


def test_a_broken_table_of_text_says_the_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('question,sql,schema\na,b,c\n"never closed,b,c\n')
    with pytest.raises(DataError, match=r"a\.csv:3: broken CSV"):
        list(pair_rows(path))
