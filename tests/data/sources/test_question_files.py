"""Spider's layout, made small on the spot: its questions, its databases, and what is missing or broken there."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.core.recipe import Source
from sql_llama.core.records import Hint
from sql_llama.data.sources.question_files import question_files
from sql_llama.sql.normalise import normalise

from ..loading import load_spider

ITEMS = [
    {
        "question": "How many  dogs\nare there?",
        "query": 'SELECT count(*) FROM pets WHERE kind = "dog"',
        "db_id": "pets",
    },
    {"question": "Who?", "query": "SELECT T1.name FROM owners AS T1", "db_id": "pets"},
    {"question": "Gone?", "query": "SELECT 1", "db_id": "gone"},
    {"question": "Fails?", "query": "SELECT nosuch FROM pets", "db_id": "pets"},
]


@pytest.fixture
def spider(pets: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "spider"
    (folder / "database" / "pets").mkdir(parents=True)
    shutil.copy(pets, folder / "database" / "pets" / "pets.sqlite")
    (folder / "train_spider.json").write_text(json.dumps(ITEMS))
    return folder


def test_spiders_questions_come_in_plain_style_with_hints(spider: Path, tmp_path: Path) -> None:
    loaded = load_spider(spider)
    first, second = loaded.examples
    assert first.question == "How many dogs are there?" and first.database == "pets" and first.source == "spider"
    assert first.sql == "SELECT COUNT(*) FROM pets WHERE pets.kind = 'dog'"
    assert first.hints == (Hint("pets", "kind", "dog"),)
    assert second.sql == "SELECT owners.name FROM owners"
    assert loaded.left_out == {"database missing": 1, "gold SQL fails": 1}


def test_a_zip_of_databases_is_unpacked_once(spider: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(spider / "database.zip", "w") as archive:
        archive.write(spider / "database" / "pets" / "pets.sqlite", "database/pets/pets.sqlite")
    shutil.rmtree(spider / "database")
    found = question_files(Source(path=str(spider)), "spider")
    (first, *_) = found.rows(tmp_path / "cache")
    before = Path(first.db).stat().st_mtime_ns
    (again, *_) = found.rows(tmp_path / "cache")
    assert again == first and Path(first.db).stat().st_mtime_ns == before
    assert len(load_spider(spider).examples) == 2
    (spider / "database.zip").write_bytes(b"PK half")
    os.utime(spider / "database.zip", (1, 1))
    with pytest.raises(DataError, match=r"database\.zip: not a zip file"):
        load_spider(spider)


def test_what_is_missing_is_named(spider: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nosuch: no such data folder"):
        load_spider(tmp_path / "nosuch")
    shutil.rmtree(spider / "database" / "pets")
    with pytest.raises(DataError, match="no question has its database"):
        load_spider(spider)
    shutil.rmtree(spider / "database")
    with pytest.raises(DataError, match=r"has neither database/ nor database\.zip"):
        load_spider(spider)
    (spider / "train_spider.json").unlink()
    with pytest.raises(DataError, match=r"has no train_spider\.json"):
        load_spider(spider)


@pytest.mark.parametrize(
    "text, said",
    [
        ("{", "broken JSON"),
        ("3", "holds no rows"),
        ('[{"question": "x"}]', "no sql and no db"),
        ("[3]", "not an object"),
    ],
)
def test_questions_in_another_layout_are_refused(text: str, said: str, spider: Path) -> None:
    (spider / "train_spider.json").write_text(text)
    with pytest.raises(DataError, match=rf"train_spider\.json.*{said}"):
        load_spider(spider)


def test_a_gold_that_writes_and_a_broken_database_are_counted_by_reason(spider: Path, tmp_path: Path) -> None:
    (spider / "database" / "torn").mkdir()
    (spider / "database" / "torn" / "torn.sqlite").write_text("version https://git-lfs.github.com/spec/v1")
    more = [
        {"question": "Drop?", "query": "DELETE FROM pets", "db_id": "pets"},
        {"question": "Two?", "query": "SELECT 1; SELECT 2", "db_id": "pets"},
        {"question": "Torn?", "query": "SELECT 1", "db_id": "torn"},
        {"question": "Torn again?", "query": "SELECT 1", "db_id": "torn"},
    ]
    (spider / "train_spider.json").write_text("\ufeff" + json.dumps(ITEMS + more), encoding="utf-8")
    loaded = load_spider(spider)
    assert len(loaded.examples) == 2 and loaded.rows == 8
    assert loaded.left_out == {
        "database missing": 1,
        "gold SQL fails": 1,
        "writes": 1,
        "several statements": 1,
        "database cannot be read": 2,
    }
    (spider / "train_spider.json").write_text(json.dumps(more))
    with pytest.raises(DataError, match=r"spider: .* all 4 rows were skipped: database cannot be read \(2\)"):
        load_spider(spider)


@pytest.mark.shared
def test_spiders_gold_in_plain_style_returns_the_same_rows(shared: Path, tmp_path: Path) -> None:
    """On real data; `plain` keeps the plain style only where it was run and gave the same rows."""
    items = json.loads((shared / "spider" / "train_spider.json").read_text())
    loaded = load_spider(shared / "spider")
    assert loaded.left_out == {"database missing": 96, "join without a condition": 19, "gold SQL fails": 3}
    assert len(items) == 7000 and len(loaded.examples) == 6882 and len({one.database for one in loaded.examples}) == 138
    own = {" ".join(item["query"].strip().rstrip(";").split()) for item in items}
    kept = [example for example in loaded.examples if example.sql in own]
    assert len(kept) == 10  # all others were rewritten and gave the same rows
    assert all(normalise(example.sql, example.schema) == example.sql for example in kept)  # these were plain already
