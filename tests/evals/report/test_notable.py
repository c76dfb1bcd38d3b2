"""Which questions are shown, in which order, and what their queries return."""

import dataclasses
import doctest
import json
from pathlib import Path

from sql_llama.evals.judged_answer import GradedAnswer
from sql_llama.evals.report import notable as module
from sql_llama.evals.report.notable import Shown, counts, notable, with_tables

from ..answers import graded


def row(cause: str = "", database: str = "a", hardness: str = "easy", error: str = "", **more: str) -> GradedAnswer:
    return graded(not cause, cause=cause, database=database, hardness=hardness, error=error, **more)


def test_what_the_training_broke_comes_first_then_what_stays_wrong_then_what_got_better() -> None:
    base = [row("wrong table"), row("wrong table"), row(), row()]
    tuned = [row(), row("wrong column"), row("wrong limit"), row()]
    found = notable(base, tuned)
    assert [(one.kind, one.place, one.cause) for one in found] == [
        ("worse", 2, "wrong limit"),
        ("wrong", 1, "wrong column"),
        ("better", 0, "wrong table"),
    ]


def test_places_are_shared_and_what_one_kind_leaves_goes_to_the_next() -> None:
    base = [row()] * 2 + [row("other")] * 40
    tuned = [row("other")] * 2 + [row("other")] * 20 + [row()] * 20
    kinds = [one.kind for one in notable(base, tuned)]
    assert kinds == ["worse"] * 2 + ["wrong"] * 5 + ["better"] * 3
    assert [one.kind for one in notable(base, tuned, most=3)] == ["worse"] * 2 + ["wrong"]
    assert notable([row()], [row()]) == ()


def test_no_two_of_one_database_and_cause_while_others_are_left() -> None:
    causes = ["wrong table"] * 30 + ["wrong column"] * 5 + ["wrong limit"]
    rows = [row(cause, database) for cause in causes for database in ("a", "b")]
    found = [(one.database, one.cause) for one in notable(rows, rows)]
    assert len(set(found[:6])) == 6 and len(found) == 10
    # the most frequent cause first, and each cause once before any comes again
    assert [cause for _, cause in found[:3]] == ["wrong table", "wrong column", "wrong limit"]


def test_harder_questions_come_first_then_the_order_of_the_file() -> None:
    levels = ["easy", "unknown", "extra", "hard", "medium", "extra"]
    rows = [row("wrong table", database=str(place), hardness=level) for place, level in enumerate(levels)]
    assert [one.place for one in notable(rows)] == [2, 5, 3, 4, 0, 1]


def test_one_model_alone_shows_its_wrong_answers() -> None:
    rows = [row(), *(row("wrong table", database=str(n)) for n in range(20))]
    found = notable(rows)
    assert [one.kind for one in found] == ["wrong"] * 10
    assert found[0].base_sql == "" and found[0].sql == "SELECT 2"


def test_both_tables_are_shown_and_what_fails_says_why(pets: Path) -> None:
    base = [
        row("refused", gold="SELECT name FROM pets WHERE id < 3", sql="DELETE FROM pets"),
        row("timeout", gold="SELECT x'00ff', 9e999, NULL", sql="SELECT 1", error="stopped after 30 s"),
        row("wrong table", gold="SELECT nothing", database="gone"),
    ]
    again = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, printf('%500d', i) FROM n"
    tuned = [row("wrong table", sql=again), *(row("wrong column", sql="SELECT kind FROM pets") for _ in range(2))]
    tuned = [
        dataclasses.replace(after, gold=before.gold, database=before.database)
        for before, after in zip(base, tuned, strict=True)
    ]
    found = {one.place: one for one in with_tables(notable(base, tuned), {"a": pets})}
    first = found[0]
    assert first.gold_table == Shown(("name",), (("Rex",), ("Tom",)))
    assert first.base_table == Shown(error="refused: only queries that read are run, not DELETE")
    assert first.table is not None and len(first.table.rows) == 10 and first.table.truncated
    assert all(len(cell) == 200 for _, cell in first.table.rows)
    assert found[1].gold_table == Shown(("x'00ff'", "9e999", "NULL"), (("2 bytes", "inf", None),))
    assert found[1].base_table == Shown(error="stopped after 30 s")
    assert found[2].table == Shown(error="no such database")
    assert json.loads(json.dumps([dataclasses.asdict(one) for one in found.values()], allow_nan=False))


def test_causes_are_counted_for_both_and_by_class() -> None:
    base = [row("wrong table", "a", "hard"), row("wrong table", "b"), row("timeout", "b"), row("", "b")]
    tuned = [row("wrong column", "a", "hard"), row("", "b"), row("timeout", "b"), row("wrong column", "b")]
    found = counts(base, tuned)
    assert [(one.cause, one.base, one.tuned, one.n) for one in found.causes] == [
        ("wrong column", 0, 2, 4),
        ("timeout", 1, 1, 4),
        ("wrong table", 2, 0, 4),
    ]
    assert list(found.by_database) == ["a", "b"] and list(found.by_hardness) == ["easy", "hard"]
    assert [(one.cause, one.base, one.tuned, one.n) for one in found.by_hardness["hard"]] == [
        ("wrong column", 0, 1, 1),
        ("wrong table", 1, 0, 1),
    ]
    assert [(one.cause, one.base, one.tuned) for one in counts(base).causes] == [
        ("wrong table", 2, 0),
        ("timeout", 1, 0),
    ]


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0
