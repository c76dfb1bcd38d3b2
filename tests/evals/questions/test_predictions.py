"""Predictions of others: one a line, whose SQL may stand in a fence, in prose, or behind a thought."""

import doctest
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sql_llama.core.errors import DataError
from sql_llama.evals.questions import predictions as module
from sql_llama.evals.questions.predictions import query_of, read_predictions
from sql_llama.evals.questions.questions import Question, Questions

COUNT = "SELECT COUNT(*) FROM pets"


def asked(count: int) -> Questions:
    items = tuple(Question(f"q{n}", COUNT, Path("pets.sqlite")) for n in range(count))
    return Questions(items, {}, tuple(range(count)), count)


def write(path: Path, *rows: Any) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0


def test_one_for_each_question(tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", *({"sql": f"SELECT {n}"} for n in range(3)))
    assert read_predictions(path, asked(3)) == ["SELECT 0", "SELECT 1", "SELECT 2"]
    assert read_predictions(path, asked(2), exact=False) == ["SELECT 0", "SELECT 1"]


@pytest.mark.parametrize(
    "text", ["", '{"sql": "a"}', '{"sql": "a"}\n{"sql": 1}', '{"sql": "a"}\n[', '{"sql": ""}\n' * 3]
)
def test_predictions_must_be_one_per_question(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(text)
    with pytest.raises(DataError):
        read_predictions(path, asked(2))


@pytest.mark.parametrize(
    "said",
    [
        f"```sql\n{COUNT}\n```",
        f"```\n{COUNT}\n```",
        f"```SQL\n{COUNT}",
        f"```sqlite {COUNT}```",
        f"```{COUNT}```",
        f"```postgresql\n\n  {COUNT}\n  ```\n",
        f"``` sql\r\n{COUNT}\r\n```",
        f"~~~sql\n{COUNT}\n~~~",
        f"````sql\n{COUNT}\n````",
        f"\n\n```sql\n{COUNT}\n```\nThat's how many pets there are.",
        f"Here's the query:\n\n```sql\n{COUNT}\n```\n\nIt counts them; isn't it nice?",
        f"With the table pets it's\n```sql\n{COUNT}\n```",
        f"Select the rows and count:\n```sql\n{COUNT}\n```",
        f"The table:\n```sql\nCREATE TABLE pets (id)\n```\nThe query:\n```sql\n{COUNT}\n```",
        f"<think>SELECT 1 is not it.</think>\n{COUNT}",
        f"<think>\nI could do ```sql\nSELECT 1\n```\n</think>\n```sql\n{COUNT}\n```",
        f"I could SELECT 1 here.\n</think>\n\n{COUNT}",
        f"{COUNT}\n```",
        f"{COUNT}```",
        f"{COUNT}\n```\nThis counts the pets.",
        f"The query is {COUNT}",
        f"SQL: {COUNT}",
        f"`{COUNT}`",
        f"{COUNT}<|im_end|>",
        f"{COUNT}</s>",
        f"{COUNT}\n<|eot_id|></s>\n",
        f"{COUNT}<|im_end|>\n<|im_start|>user\nMore?",
        f"<s>{COUNT}</s>",
        f"<|im_start|>assistant\n{COUNT}<|im_end|>",
        f"```sql\n{COUNT}\n```<|im_end|>",
        f"<sql>{COUNT}</sql>",
        f"Here it is: <SQL>\n{COUNT}\n</SQL> It's done.",
        f"[SQL]{COUNT}[/SQL]",
        f"[SQL]\n{COUNT}",
        f"{COUNT}\n[/SQL]",
        f"<pre><code>{COUNT}</code></pre>",
        f'<pre><code class="language-sql">{COUNT}\n</code></pre>',
        f"'''sql\n{COUNT}\n'''",
        f"'''\n{COUNT}\n'''",
    ],
)
def test_the_query_in_a_fence_or_in_prose_is_judged(said: str) -> None:
    assert query_of(said).strip() == COUNT


@pytest.mark.parametrize(
    "sql",
    [
        COUNT,
        f"  {COUNT} ;\n",
        f"{COUNT};;",
        f"-- how many\n{COUNT}",
        "SELECT '```sql' || '\n```\nSELECT 2\n```' FROM pets",
        'SELECT "a\n```" FROM pets',
        "SELECT a -- don't\nFROM pets",
        "SELECT a [/sql] FROM pets WHERE a <eos> b",
        "SELECT '</s>' || '<|im_end|>', \"</sql>\" FROM pets WHERE a<b AND c</*x*/d AND e <> f",
        "SELECT '''sql''', '<sql>SELECT 1</sql>', a||'[/SQL]' FROM pets -- <sql>",
        "WITH x AS (SELECT 1) SELECT * FROM x",
        "(SELECT 1)",
        "VALUES (1)",
        "SELECT 1; SELECT COUNT(*) FROM pets",
        "DROP TABLE pets",
        "DELETE FROM pets WHERE id IN (SELECT id FROM pets)",
        "BEGIN; SELECT COUNT(*) FROM pets",
        "PRAGMA query_only = 0; SELECT COUNT(*) FROM pets",
        "EXPLAIN SELECT 1",
        "",
        "nonsense",
    ],
)
def test_plain_sql_is_left_as_it_is(sql: str) -> None:
    assert query_of(sql) == sql


@given(st.text(alphabet="a'\"` \n-;", max_size=20), st.text(alphabet="ab`~ \n", max_size=12))
def test_what_stands_in_a_text_is_no_fence(name: str, text: str) -> None:
    quoted = name.replace('"', '""')
    sql = f"""SELECT '{text.replace("'", "''")}' AS "{quoted}" FROM pets"""
    assert query_of(sql) == sql
    assert query_of(f"```sql\n{sql}\n```") == sql or "\n```" in sql.replace(" ", "")


@pytest.mark.parametrize(
    ("fenced", "judged"),
    [
        (f"```sql\nSELECT 1; {COUNT}\n```", f"SELECT 1; {COUNT}"),
        (f"```sql\n{COUNT}; DROP TABLE pets;\n```", f"{COUNT}; DROP TABLE pets;"),
        ("```sql\nDROP TABLE pets\n```", "DROP TABLE pets"),
        (f"```sql\nDELETE FROM pets; {COUNT}\n```", f"DELETE FROM pets; {COUNT}"),
        ("```\n```", ""),
        (f"<sql>{COUNT}; DROP TABLE pets</sql>", f"{COUNT}; DROP TABLE pets"),
        ("[SQL]DELETE FROM pets[/SQL]", "DELETE FROM pets"),
        ("<code>SELECT a FROM pets WHERE a &lt; 3</code>", "SELECT a FROM pets WHERE a < 3"),
        ("```", ""),
    ],
)
def test_two_statements_and_a_write_in_a_fence_stay_what_they_are(fenced: str, judged: str) -> None:
    assert query_of(fenced) == judged
