"""Every layout of a source, made small on the spot: what its rows say, and what is said of broken ones."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.errors import DataError
from sql_llama.core.recipe import Data, Source
from sql_llama.data.sources.chats import split_prompt
from sql_llama.data.sources.open_source import open_source, recipe_sources
from sql_llama.data.sources.pair_rows import PairRow

DDL = "CREATE TABLE pets (name TEXT, age INT);"
SQL = "SELECT name FROM pets"
CHAT = [
    {"role": "system", "content": f"You write SQL.\n{DDL}"},
    {"role": "user", "content": "Which pets are there?"},
    {"role": "assistant", "content": f"```sql\n{SQL};\n```"},
]
LLAMA2 = f"<s>[INST] <<SYS>>\nYou write SQL.\n{DDL}\n<</SYS>>\n\nWhich pets are there? [/INST] {SQL} </s>"


def rows(path: Path, **keys: Any) -> list[PairRow]:
    return list(open_source(Source(path=str(path), **keys), path.parent / "cache").rows())


def lines(path: Path, *items: object) -> Path:
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    return path


def databases(folder: Path, pets: Path) -> None:
    (folder / "pets").mkdir(parents=True)
    shutil.copy(pets, folder / "pets" / "pets.sqlite")


def test_bird_gives_its_evidence_and_its_databases(pets: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bird"
    databases(folder / "train_databases", pets)
    item = {"question": "Which?", "evidence": "all  of them", "SQL": SQL, "db_id": "pets"}
    (folder / "train.json").write_text(json.dumps([item]))
    opened = open_source(Source(path=str(folder)), tmp_path)
    assert (opened.layout, opened.license) == ("bird", "CC BY-SA 4.0")
    (row,) = opened.rows()
    assert (row.question, row.sql, row.evidence) == ("Which?", SQL, "all of them")
    assert Path(row.db) == folder / "train_databases" / "pets" / "pets.sqlite"


@pytest.mark.parametrize(
    "split, files, questions",
    [
        ("train", {"train_spider.json": "question", "train_others.json": "question"}, ["Q0", "Q1"]),
        ("syn", {"train_spider.json": "SpiderSynQuestion"}, ["Q0"]),
        ("realistic", {"spider-realistic.json": "question"}, ["Q0"]),
        ("my.json", {"my.json": "question"}, ["Q0"]),
    ],
)
def test_spider_and_its_variants(
    split: str, files: dict[str, str], questions: list[str], pets: Path, tmp_path: Path
) -> None:
    databases(tmp_path / "spider" / "database", pets)
    for number, (name, field) in enumerate(files.items()):
        item = {"question": "the plain one", "query": SQL, "db_id": "pets"}
        (tmp_path / "spider" / name).write_text(json.dumps([{**item, field: f"Q{number}"}]))
    assert [row.question for row in rows(tmp_path / "spider", layout="spider", split=split)] == questions
    with pytest.raises(DataError, match=r"has no nosuch\.json"):
        rows(tmp_path / "spider", layout="spider", split="nosuch.json")


def test_synsql_has_external_knowledge(pets: Path, tmp_path: Path) -> None:
    databases(tmp_path / "synsql" / "databases", pets)
    item = {"db_id": "pets", "sql": SQL, "question": "Which?", "external_knowledge": "none", "cot": "..."}
    (tmp_path / "synsql" / "data.json").write_text(json.dumps([item]))
    (row,) = rows(tmp_path / "synsql", layout="synsql")
    assert row.evidence == "none" and row.db.endswith("pets.sqlite")


@pytest.mark.parametrize("layout", ["auto", "wikisql"])
def test_wikisql_gives_each_table_with_its_rows(layout: str, tmp_path: Path) -> None:
    table = {"id": "1-2", "header": ["Player name", "Age"], "types": ["text", "real"], "rows": [["Ann", "3"]]}
    lines(tmp_path / "dev.tables.jsonl", table)
    asked = {"table_id": "1-2", "question": "How old?", "sql": {"sel": 1, "agg": 5, "conds": [[0, 0, "ann"]]}}
    (row,) = rows(lines(tmp_path / "dev.jsonl", asked), layout=layout)
    assert row.sql == "SELECT AVG(age) FROM table_1_2 WHERE player_name = 'Ann'" and row.table_id == "1-2"
    assert row.schema.startswith('CREATE TABLE "table_1_2"') and "INSERT INTO" in row.schema
    gone = {**asked, "table_id": "9"}
    assert [row.fault for row in rows(lines(tmp_path / "dev.jsonl", gone))] == ["no such table in the file of tables"]
    with pytest.raises(DataError, match=r"dev\.jsonl:1: broken"):
        rows(lines(tmp_path / "dev.jsonl", {**asked, "sql": {"sel": 7, "agg": 0, "conds": []}}))


@pytest.mark.parametrize(
    "item",
    [
        {"messages": CHAT},
        {"conversations": [{"from": "human", "value": f"{DDL}\nQuestion: Which pets are there?"},
                           {"from": "gpt", "value": SQL}]},
        {"text": LLAMA2},
    ],
)  # fmt: skip
def test_chats_are_split_into_schema_question_and_sql(item: dict[str, Any], tmp_path: Path) -> None:
    (row,) = rows(lines(tmp_path / "chat.jsonl", item))
    assert (row.schema, row.question, row.sql) == (DDL, "Which pets are there?", SQL)


@pytest.mark.parametrize(
    "schema",
    [
        "CREATE TABLE head (age INTEGER)",
        "CREATE TABLE head (age INTEGER);",
        "CREATE TABLE head (age INTEGER, name VARCHAR(20) DEFAULT 'a);b')",
        "CREATE TABLE head (age INTEGER, -- the owner's age (in years\n name TEXT)",
        "CREATE TABLE head (age INTEGER) WITHOUT ROWID",
        "CREATE TABLE head (age INTEGER) ENGINE=InnoDB DEFAULT CHARSET=utf8 COMMENT='it''s'",
        "CREATE TABLE head (age INTEGER) PARTITION BY RANGE (age) (PARTITION p0 VALUES LESS THAN (6))",
        "CREATE TABLE head (age INTEGER);\nINSERT INTO head (age) VALUES (1), (2)",
        "CREATE TABLE head (age INTEGER)\nCREATE VIEW old AS SELECT age FROM head WHERE (age > 50);",
        "CREATE TABLE old AS SELECT age FROM head;",
        "CREATE TABLE old (age) AS SELECT age FROM head;",
    ],
)
@pytest.mark.parametrize(
    "question", ["How many heads aren't older than 56?", "Select the ages from head", "As of now, how many?"]
)
def test_the_schema_ends_where_its_statements_end(schema: str, question: str, tmp_path: Path) -> None:
    for text in (
        f"{schema} {question}",
        f"{schema}\n{question}",
        f"Schema: {schema} Question: {question} ### Response:",
    ):
        assert split_prompt(text) == (schema, question)
    (row,) = rows(
        lines(
            tmp_path / "a.jsonl", {"text": f"[INST] <<SYS>>You write SQL<</SYS>> {schema} {question} [/INST] SELECT 1"}
        )
    )
    assert (row.schema, row.question, row.sql) == (schema, question, "SELECT 1")


def test_words_about_statements_are_no_statements() -> None:
    text = "You get CREATE TABLE statements.\nGiven CREATE TABLE t (a INT), how many are there?"
    assert split_prompt(text) == ("CREATE TABLE t (a INT)", "how many are there?")
    assert split_prompt("CREATE TABLE t (a INT)\n\n### Response:\n### SQL") == ("CREATE TABLE t (a INT)", "")


def test_a_later_turn_asks_the_schema_of_an_earlier_one(tmp_path: Path) -> None:
    more = [{"role": "user", "content": "How many?"}, {"role": "assistant", "content": "SELECT count(*) FROM pets"}]
    (row,) = rows(lines(tmp_path / "chat.jsonl", {"messages": CHAT + more}))
    assert (row.schema, row.question, row.sql) == (DDL, "How many?", "SELECT count(*) FROM pets")
    (row,) = rows(lines(tmp_path / "chat.jsonl", {"messages": CHAT[:2]}))
    assert row.fault == "a chat without an answer"
    with pytest.raises(DataError, match=r"chat\.jsonl:1: no messages or conversations .*\(the row has: said\)"):
        rows(lines(tmp_path / "chat.jsonl", {"said": CHAT}), layout="messages")


def test_sql_files_have_the_question_in_a_comment(pets: Path, tmp_path: Path) -> None:
    folder = tmp_path / "queries"
    folder.mkdir()
    (folder / "a.sql").write_text("-- by Ann\n-- Question: Who; really?\nSELECT name FROM pets;\nSELECT 1;\n")
    first, second = rows(folder, db=str(pets))
    assert (first.question, first.sql, first.db) == ("Who; really?", "SELECT name FROM pets", str(pets))
    assert second.fault == "no question in a comment before the query"


def test_the_questions_of_a_log_are_written_and_marked_for_review(pets: Path, tmp_path: Path) -> None:
    log = lines(tmp_path / "log.jsonl", {"query_text": SQL}, {"query_text": SQL}, {"query_text": "SELECT {{ x }}"})
    first, second = rows(log, layout="query-log", db=str(pets))
    assert first.question == "Show the name of the pets." and first.review and second.fault.startswith("a template")


def test_rows_name_their_database_beside_them_or_take_the_sources(pets: Path, tmp_path: Path) -> None:
    shutil.copy(pets, tmp_path / "shop.sqlite")
    item = {"question": "Who?", "sql": SQL, "db": "shop.sqlite"}
    assert [row.db for row in rows(lines(tmp_path / "a.jsonl", item))] == [str(tmp_path / "shop.sqlite")]
    plain = lines(tmp_path / "b.jsonl", {"question": "Who?", "sql": SQL})
    assert [row.db for row in rows(plain, db=str(pets))] == [str(pets)]
    with pytest.raises(DataError, match=r"b\.jsonl:1: no schema \(or db\) \(the row has: question, sql\)"):
        rows(plain)
    out = lines(tmp_path / "c.jsonl", {**item, "db": "../../etc/passwd"})
    assert [Path(row.db).name for row in rows(out)] == ["no such database"]


def test_a_data_set_of_the_hub_is_read_through_datasets(tmp_path: Path) -> None:
    """A local folder of the same layout goes the same way."""
    lines(tmp_path / "set.jsonl", {"question": "Who?", "context": DDL, "answer": SQL})
    (row,) = open_source(Source(path=f"hub:{tmp_path}"), tmp_path).rows()
    assert (row.number, row.question, row.schema, row.sql) == (1, "Who?", DDL, SQL)
    with pytest.raises(DataError, match="cannot be read from the Hub"):
        list(open_source(Source(path=f"hub:{tmp_path / 'gone'}"), tmp_path).rows())


def test_the_older_keys_are_sources_too() -> None:
    data = Data(spider="s", jsonl=("a.csv",), jsonl_limit=3, source=(Source(path="b"),))
    assert [(one.path, one.layout, one.limit) for one in recipe_sources(data)] == [
        ("a.csv", "rows", 3),
        ("s", "spider", 0),
        ("b", "auto", 0),
    ]


@pytest.mark.parametrize(
    "names",
    [
        ("train.jsonl", "test.jsonl"),
        ("data/train-00000-of-00002.jsonl", "data/test-0.jsonl"),
        ("train/a.jsonl", "test/a.jsonl"),
    ],
)
def test_of_a_folder_with_splits_only_one_is_read(names: tuple[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "set"
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        lines(folder / name, {"question": name, "schema": DDL, "sql": SQL})
    assert [row.question for row in rows(folder)] == [names[0]]
    assert [row.question for row in rows(folder, split="test")] == [names[1]]
    with pytest.raises(DataError, match=r"has no split dev \(there: test, train\)"):
        rows(folder, split="dev")


def test_what_the_user_says_last_is_the_question(tmp_path: Path) -> None:
    chat = [
        {"role": "system", "content": f"Can you answer?\n{DDL}"},
        {"role": "user", "content": "List all ages."},
        CHAT[2],
    ]
    (row,) = rows(lines(tmp_path / "chat.jsonl", {"messages": chat}))
    assert (row.schema, row.question) == (DDL, "List all ages.")


def test_a_table_of_sql_alone_is_a_log_and_a_folder_of_logs_is_read(pets: Path, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.csv").write_text("query_text,seconds\nSELECT name FROM pets,3\n")
    assert [row.review for row in rows(tmp_path / "logs" / "a.csv", db=str(pets))] == [True]
    assert [row.question for row in rows(tmp_path / "logs", layout="query-log", db=str(pets))] == [
        "Show the name of the pets."
    ]


def test_a_layout_of_files_is_not_read_from_the_hub(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the layout spider is read from a folder"):
        open_source(Source(path="hub:xlangai/spider", layout="spider"), tmp_path)


@pytest.mark.parametrize(
    "text, schema, question",
    [
        (f"{DDL} How many?", DDL, "How many?"),
        ("CREATE TABLE a (x INT) In which year?", "CREATE TABLE a (x INT)", "In which year?"),
        ("create table a (x int) without rowid; Which x?", "create table a (x int) without rowid;", "Which x?"),
        ("CREATE TABLE a (x INT CHECK (x > 0)) INSERT INTO a (x) VALUES (1), (2) List x",
         "CREATE TABLE a (x INT CHECK (x > 0))\nINSERT INTO a (x) VALUES (1), (2)", "List x"),
        ("CREATE VIEW v AS SELECT max(x) FROM a; What is it?", "CREATE VIEW v AS SELECT max(x) FROM a;", "What is it?"),
    ],
)  # fmt: skip
def test_a_question_may_stand_behind_the_schema_in_one_line(text: str, schema: str, question: str) -> None:
    assert split_prompt(text) == (schema, question)


def test_the_splits_of_wikisql_that_there_are_are_said(tmp_path: Path) -> None:
    for name in ("train", "dev"):
        (tmp_path / f"{name}.jsonl").write_text("")
        (tmp_path / f"{name}.tables.jsonl").write_text("")
    with pytest.raises(DataError, match=r"has no split test \(there: dev, train\)"):
        open_source(Source(path=str(tmp_path), split="test"), tmp_path)


def test_the_layout_of_a_set_of_the_hub_is_seen_in_its_first_row(tmp_path: Path) -> None:
    chat = {"role": "user", "content": f"{DDL}\nHow many?"}, {"role": "assistant", "content": "SELECT count(*) FROM t"}
    lines(tmp_path / "train.jsonl", {"messages": chat})
    (row,) = open_source(Source(path=f"hub:{tmp_path}"), tmp_path).rows()
    assert (row.question, row.sql) == ("How many?", "SELECT count(*) FROM t")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", r"a\.sql: holds no statement"),
        (b"-- only a comment\n;;\n", r"a\.sql: holds no statement"),
        ("-- q\nSELECT 1;".encode("utf-16"), r"a\.sql: is UTF-16"),
        ("-- q\nSELECT 1;".encode("utf-16-le"), r"a\.sql: is UTF-16"),
        (b"-- q\nSELECT 1;\n-- Gr\xf6\xdfe?\nSELECT 2;", r"a\.sql:3: cannot be read \(not UTF-8: byte 0xf6\)"),
        (b"SQLite format 3\0", r"a\.sql: is a SQLite database"),
    ],
)
@pytest.mark.parametrize("layout", ["sql-files", "query-log"])
def test_a_sql_file_without_queries_says_what_it_is(data: bytes, said: str, layout: str, tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_bytes(data)
    with pytest.raises(DataError, match=said):
        rows(tmp_path / "a.sql", layout=layout, db="shop.sqlite")


@pytest.mark.parametrize("layout", ["sql-files", "query-log"])
def test_a_quote_that_is_not_closed_costs_its_statement(layout: str, pets: Path, tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("-- Who?\nSELECT name FROM pets;\n-- Why?\nSELECT 'a;\n")
    first, second = rows(tmp_path / "a.sql", layout=layout, db=str(pets))
    assert (first.sql, second.number, second.fault) == ("SELECT name FROM pets", 4, "a quote is not closed")


def test_a_folder_called_like_a_file_is_none(pets: Path, tmp_path: Path) -> None:
    folder = tmp_path / "queries"
    (folder / "z.sql").mkdir(parents=True)
    (folder / "y.csv").mkdir()
    (folder / "again").symlink_to(folder)
    with pytest.raises(DataError, match="a folder without files of pairs"):
        rows(folder, db=str(pets))
    (folder / "z.sql" / "a.sql").write_text("-- Who?\nSELECT name FROM pets;\n")
    assert [row.question for row in rows(folder, db=str(pets))] == ["Who?"]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jsonl")
    with pytest.raises(DataError, match=r"a\.jsonl: a pipe or a device, not a file"):
        rows(tmp_path / "a.jsonl")


def test_a_copy_of_a_known_set_has_its_licence_and_the_recipes_own_goes_before_it(tmp_path: Path) -> None:
    path = lines(tmp_path / "sql_create_context_v4.json", {"question": "Q?", "context": DDL, "answer": SQL})
    assert open_source(Source(path=str(path)), tmp_path).license == "CC BY 4.0"
    assert open_source(Source(path=str(path), license="mine"), tmp_path).license == "mine"
