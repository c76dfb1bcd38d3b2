"""How alike two queries are, by tree and by embedding."""

import doctest
import json
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.evals.queries import similarity
from sql_llama.evals.queries.similarity import MOST_NODES, embedding_similarity, tree_similarity

from ...work import at_most_calls
from .test_syntax import HOSTILE


def test_examples() -> None:
    assert doctest.testmod(similarity).failed == 0


@pytest.mark.parametrize(
    ("gold", "predicted"),
    [
        ("SELECT name FROM owners", "select T1.Name from Owners as T1;"),
        ("SELECT count(*) AS n FROM t GROUP BY a ORDER BY n", "SELECT count(*) FROM t GROUP BY a ORDER BY count(*)"),
        ("SELECT a FROM t WHERE b = 'x'", 'SELECT a FROM t WHERE b = "x"'),
        ("SELECT x.a FROM t AS x JOIN u AS y ON x.b = y.b", "SELECT t.a FROM t JOIN u ON t.b = u.b"),
        (
            "SELECT T1.a FROM t AS T1 WHERE T1.b IN (SELECT T1.b FROM u AS T1)",
            "SELECT a FROM t WHERE b IN (SELECT b FROM u)",
        ),
    ],
)
def test_spelling_does_not_matter(gold: str, predicted: str) -> None:
    assert tree_similarity(gold, predicted) == tree_similarity(predicted, gold) == 1.0


def test_the_more_differs_the_lower() -> None:
    gold = "SELECT name FROM owners WHERE age > 3 ORDER BY id"
    nearer = [
        gold,
        "SELECT name FROM owners WHERE age > 4 ORDER BY id",
        "SELECT name FROM owners WHERE age > 4",
        "SELECT count(*) FROM owners",
        "SELECT max(x), y FROM t JOIN u ON t.a = u.a GROUP BY z LIMIT 3",
    ]
    found = [tree_similarity(gold, sql) for sql in nearer]
    assert found == sorted(found, reverse=True) and len(set(found)) == len(found)
    assert found[0] == 1.0 and 0 <= found[-1] < 0.3


def test_columns_in_another_order_are_moved_not_lost() -> None:
    # five nodes on each side, all kept, one of them moved
    assert tree_similarity("SELECT a, b FROM t", "SELECT b, a FROM t") == pytest.approx(0.9)


@pytest.mark.parametrize("sql", ["", "no idea", "SELECT FROM", "DROP TABLE t"])
def test_what_cannot_be_parsed_is_alike_to_nothing(sql: str) -> None:
    assert tree_similarity("SELECT a FROM t", sql) == tree_similarity(sql, "SELECT a FROM t") == 0.0


def test_large_trees_are_compared_as_bags() -> None:
    gold = "SELECT a FROM t WHERE " + " AND ".join(f"c{i} = {i}" for i in range(MOST_NODES))
    with at_most_calls(1_000_000):
        assert tree_similarity(gold, gold) == 1.0
        assert 0.98 < tree_similarity(gold, gold.replace("c7 = 7", "c7 = 8")) < 1.0
        assert tree_similarity(gold, "SELECT a FROM t") < 0.1


@pytest.mark.parametrize("sql", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_answer_takes_little_work_and_raises_nothing(sql: str) -> None:
    with at_most_calls(6_000_000):
        assert 0.0 <= tree_similarity("SELECT a FROM t WHERE b = 1", sql) <= 1.0
        assert tree_similarity(sql, sql + " LIMIT 1") <= 1.0


def test_embeddings_of_the_same_text_are_the_same(tiny_base: Path) -> None:
    pairs = [("SELECT a FROM t", "SELECT a FROM t"), ("SELECT a FROM t", "no idea at all"), ("", "SELECT 1")]
    same, other, empty = embedding_similarity(pairs, str(tiny_base))
    assert same == pytest.approx(1.0, abs=1e-5)
    assert -1.0 <= other < 0.999
    assert -1.0 <= empty < 0.999


def test_padding_and_batches_change_no_embedding(tiny_base: Path) -> None:
    pairs = [("SELECT a", "SELECT b"), ("SELECT a FROM t WHERE b = 1 ORDER BY c", "x"), ("SELECT count(*)", "SELECT a")]
    together = embedding_similarity(pairs, str(tiny_base))
    assert embedding_similarity(pairs, str(tiny_base), batch=1) == pytest.approx(together, abs=1e-4)
    assert embedding_similarity([], "nowhere") == []


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"x": 1}))
    with pytest.raises(DataError, match="cannot be used for embeddings"):
        embedding_similarity([("a", "b")], str(tmp_path))
