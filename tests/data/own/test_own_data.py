"""The user's own database in a recipe: its pairs are repeated, and some are kept for the test."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.core.recipe import Data
from sql_llama.data.own.own_data import HELD_OUT, HELD_OUT_SYNTHETIC
from sql_llama.data.own.sample_shop import pairs_of, sample_shop

from ..preparing import prepared_pairs


def kept(folder: Path, name: str) -> list[dict[str, str]]:
    path = folder / "prepared" / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def test_the_sample_shop_has_pairs_that_all_return_rows() -> None:
    shop = sample_shop()
    assert sample_shop() == shop
    asked = []
    with closing(sqlite3.connect(shop)) as connection:
        for part, count in (("train", 40), ("test", 20)):
            pairs = pairs_of(shop, part).read_text(encoding="utf-8").splitlines()[1:]
            assert len(pairs) == count
            asked += [line.split(",SELECT ", 1)[1].strip('"') for line in pairs if ",SELECT " in line]
            for line in pairs:
                sql = "SELECT " + line.split("SELECT ", 1)[1].removesuffix('"').replace('""', '"')
                assert connection.execute(sql).fetchone() not in (None, (None,))
    assert len(set(asked)) == len(asked)


def test_own_pairs_are_repeated_and_no_query_is_in_both_parts(pets: Path, tmp_path: Path) -> None:
    rows = "".join(f"Pets over {n // 2} ({n})?,SELECT name FROM pets WHERE weight > {n // 2}\n" for n in range(30))
    (tmp_path / "own.csv").write_text("question,sql\n" + rows)
    data = Data(db=str(pets), pairs=(str(tmp_path / "own.csv"),), pairs_weight=3, valid_share=0, near_duplicates=1)
    pairs = prepared_pairs(data, tmp_path)
    test = kept(tmp_path, HELD_OUT)
    assert len(test) == 10 and {row["db"] for row in test} == {pets.name}
    assert len(pairs.train) == 60 and {example.source for example in pairs.train} == {"own"}
    trained = {example.sql.replace("pets.", "") for example in pairs.train}
    assert not trained & {row["sql"] for row in test}


def test_of_few_pairs_none_is_kept(pets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own.csv").write_text("question,sql\nNames?,SELECT name FROM pets\n")
    data = Data(db=str(pets), pairs=(str(tmp_path / "own.csv"),), pairs_weight=2, valid_share=0)
    assert len(prepared_pairs(data, tmp_path).train) == 2 and not kept(tmp_path, HELD_OUT)
    assert "none is kept for the test" in capsys.readouterr().err


def test_synthesised_pairs_are_of_other_kinds_than_those_of_the_test(tmp_path: Path) -> None:
    data = Data(db="sample", db_synthetic=70, pairs_weight=1, valid_share=0)
    pairs = prepared_pairs(data, tmp_path)
    assert [s.name for s in pairs.prepared.sources] == ["own", "own-synthetic"]
    assert [s.kept for s in pairs.prepared.sources] == [40, 30]
    test = kept(tmp_path, HELD_OUT_SYNTHETIC)
    assert len(test) == 40 and len(kept(tmp_path, HELD_OUT)) == 20
    assert not {row["sql"] for row in test} & {example.sql for example in pairs.train}


def test_own_pairs_take_the_place_of_synthesised_ones_but_of_a_quarter(tmp_path: Path) -> None:
    data = Data(db="sample", db_synthetic=40, pairs_weight=3, valid_share=0)
    assert [s.kept for s in prepared_pairs(data, tmp_path).prepared.sources] == [40, 10]


def test_pairs_without_a_database_and_a_missing_database_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.pairs: no database"):
        prepared_pairs(Data(pairs=("own.csv",)), tmp_path)
    with pytest.raises(DataError, match=r"gone\.sqlite: no such database"):
        prepared_pairs(Data(db=str(tmp_path / "gone.sqlite")), tmp_path)
