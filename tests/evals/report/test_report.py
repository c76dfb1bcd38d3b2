"""The report: what it says is what the rows say, nothing is bold inside the noise, and no text becomes markup."""

import dataclasses
import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.errors import DataError
from sql_llama.evals.gate import gate
from sql_llama.evals.judged_answer import GradedAnswer
from sql_llama.evals.pick import Candidate, Picked
from sql_llama.evals.report.report import Facts, Model, report, write_report

from ..answers import changed, graded

GOLD = "SELECT name FROM pets"
HOSTILE = '<script>alert(1)</script>]]></style></pre>"><img src=x onerror=alert(2)>{{ 7 * 7 }}`|*x*'


def row(place: int, right: bool, **more: Any) -> GradedAnswer:
    fields: dict[str, Any] = {
        "question": f"Question {place}?",
        "gold": GOLD,
        "database": "pets",
        "raw": GOLD,
        "sql": GOLD if right else "SELECT kind FROM pets",
        "lenient": right,
        "suite": right,
        "exact": right,
        "normalised": right,
        "components": right,
        "tree": 1.0 if right else 0.75,
        "overlap": float(right),
        "columns_overlap": float(right),
        "hardness": ("easy", "medium", "hard", "extra")[place % 4],
        "features": ("join",) if place % 2 else ("order", "limit"),
        "cause": "" if right else "wrong column",
        "confidence": 0.9 if right else 0.4,
        "seconds": 0.1,
        "tokens": 12,
        "sql_seconds": 0.001,
        "gold_seconds": 0.001,
    }
    return graded(right, **fields | more)


def rows(right: int, n: int = 40, **more: Any) -> list[GradedAnswer]:
    return [row(place, place < right, **more) for place in range(n)]


def model(name: str, found: list[GradedAnswer], **more: Any) -> Model:
    return Model(name, found, seconds=4.0, tokens=480, **more)


def two(base: int, tuned: int, **more: Any) -> Facts:
    return Facts((model("plain", rows(base)), model("better", rows(tuned))), "dev.json", **more)


def pages(facts: Facts, out: Path) -> tuple[dict[str, Any], str, str]:
    """report.json, report.md and report.html."""
    paths = write_report(facts, out)
    assert [path.name for path in paths] == ["report.json", "report.md", "report.html"]
    texts = [path.read_text(encoding="utf-8") for path in paths]
    return json.loads(texts[0]), texts[1], texts[2]


class Tags(HTMLParser):
    """All elements of a page, those left open, the text and the links."""

    VOID = ("meta", "link", "rect", "path", "circle")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.said: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def test_the_head_says_who_is_better_by_how_much_and_how_sure(tmp_path: Path) -> None:
    said, text, page = pages(two(10, 30), tmp_path)
    assert said["base"] == "plain" and said["tuned"] == "better"
    assert said["comparison"]["only_tuned"] == 20 and said["comparison"]["only_base"] == 0
    assert said["comparison"]["error_reduction"]["percent"] == pytest.approx(100 * (1 - 10 / 30))
    first, second, third = said["headline"]
    assert first.replace("\u00a0", " ") == (
        "better answers 75.0 % [59.8–85.8] of 40 questions right; its base, plain, 25.0 % [14.2–40.2]."
    )
    assert "50.0 points more" in second and "more than chance" in second and "p < 0.0001" in second
    assert "40 questions can show a gain of" in third
    assert first in page and "33 % fewer wrong answers (10 instead of 30)" not in page
    assert "67 % fewer wrong answers (10 instead of 30" in page
    assert "67 % fewer wrong answers" in text


def test_a_small_difference_is_called_chance_and_nothing_is_bold(tmp_path: Path) -> None:
    said, text, page = pages(two(20, 22), tmp_path)
    assert "which may be chance" in said["headline"][1]
    assert "<strong>" not in page
    assert "**" not in text


def test_a_clear_difference_is_bold_for_the_better_one_only(tmp_path: Path) -> None:
    _, text, page = pages(two(30, 10), tmp_path)
    assert "fewer" in report(two(30, 10))["headline"][1]
    strong = re.findall(r"<strong>(.*?)</strong>", page)
    assert "75.0\u00a0%" in strong and "25.0\u00a0%" not in strong
    assert "**75.0\u00a0%**" in text and "**25.0" not in text


def test_classes_count_every_question_and_only_hardness_is_a_partition() -> None:
    said = report(two(10, 30))["classes"]
    assert [item["name"] for item in said["hardness"]] == ["easy", "medium", "hard", "extra"]
    assert sum(item["n"] for item in said["hardness"]) == 40
    assert {item["name"]: item["n"] for item in said["features"]} == {"join": 20, "limit": 20, "order": 20}
    easy = said["hardness"][0]
    assert easy["models"]["plain"]["value"] == pytest.approx(3 / 10)
    assert easy["models"]["better"]["value"] == pytest.approx(8 / 10)


def test_one_class_of_many_that_differs_is_not_bold() -> None:
    """p = 0.03 in one of twenty databases is what luck brings."""
    base = [row(place, place >= 6, database=f"db{place // 10}") for place in range(200)]
    tuned = [row(place, True, database=f"db{place // 10}") for place in range(200)]
    found = report(Facts((model("a", base), model("b", tuned)), "dev.json"))["classes"]["database"]
    worst = next(item for item in found if item["name"] == "db0")
    assert worst["difference"]["p"] == pytest.approx(2 / 2**6)
    assert not worst["difference"]["beyond_luck"]


def test_one_model_is_reported_alone(tmp_path: Path) -> None:
    said, text, page = pages(Facts((model("alone", rows(30)),), "dev.json"), tmp_path)
    assert said["comparison"] is None and said["gate"] is None and said["base"] is None
    assert said["headline"][0].startswith("alone answers 75.0")
    assert "tuned − base" not in page and "tuned − base" not in text
    assert [item["models"] for item in said["causes"]] == [{"alone": 10}]


def test_models_that_were_asked_other_questions_are_not_compared() -> None:
    other = [changed(answer, question="Another?") for answer in rows(30)]
    said = report(Facts((model("a", rows(10)), model("b", other)), "dev.json"))
    assert said["comparison"] is None
    assert said["headline"][1] == "The models were not asked the same questions, so they are not compared."
    assert said["models"][0]["asked"] != said["models"][1]["asked"]


def test_base_and_tuned_can_be_named() -> None:
    models = (model("f16", rows(31)), model("q4", rows(30)), model("plain", rows(10)))
    said = report(Facts(models, "dev.json", base="plain", tuned="q4"))
    assert (said["base"], said["tuned"]) == ("plain", "q4")
    assert [one["role"] for one in said["models"]] == ["", "tuned", "base"]
    assert said["comparison"]["differences"]["execution_accuracy"]["value"] == pytest.approx(0.5)


def test_the_gates_verdict_stands_at_the_head(tmp_path: Path) -> None:
    good = gate(rows(10), rows(30))
    _, text, page = pages(two(10, 30, gate=good), tmp_path)
    assert "The gate passes it." in page and good.checks[0].said in text.replace("&lt;", "<")
    _, text, page = pages(two(20, 21, gate=gate(rows(20), rows(21))), tmp_path)
    assert "The gate stops it." in page and "The gate stops it." in text
    assert "Try: ask more questions" in page


def test_what_was_not_asked_and_gold_that_failed_are_listed(tmp_path: Path) -> None:
    failed = rows(10)
    failed[39] = changed(failed[39], gold_error="no such table: cats", cause="gold fails")
    facts = Facts((model("m", failed),), "dev.json", "ab12", missing={"wta_1": 62, "soccer_1": 14})
    said, text, page = pages(facts, tmp_path)
    assert said["questions"]["missing"] == {"soccer_1": 14, "wta_1": 62}
    for shown in (text.replace("\\", ""), page):
        assert "76 questions whose databases are missing: soccer_1 (14), wta_1 (62)" in shown
    assert "no such table: cats" in page and "1 reference queries did not run" in page
    assert "ab12" in page and "ab12" in text


def test_speed_memory_and_the_models_card_are_told(tmp_path: Path) -> None:
    facts = {"bytes": 105 * 2**20, "quantization": "Q4_K_M"}
    _, text, page = pages(Facts((model("m", rows(30), memory=300 * 2**20, facts=facts),), "dev.json"), tmp_path)
    for shown in (text.replace("\\", ""), page):
        for wanted in ("105\u00a0MiB", "300\u00a0MiB", "Q4_K_M", "10", "120", "100\u00a0ms"):
            assert wanted in shown


def test_examples_show_both_answers_and_what_they_return(tmp_path: Path, pets: Path) -> None:
    facts = two(10, 30, databases={"pets": pets})
    said, text, page = pages(facts, tmp_path)
    (first, *_), count = said["examples"], len(said["examples"])
    assert count == 10 and page.count('<article class="example">') == 10
    assert first["result"]["rows"] == [["Rex"], ["Tom"], ["Kit"]]
    assert {answer["model"] for answer in first["answers"]} == {"plain", "better"}
    wrong = next(answer for answer in first["answers"] if not answer["correct"])
    assert wrong["result"]["rows"] == [["dog"], ["cat"], ["cat"]] and wrong["cause"] == "wrong column"
    assert "| Rex |" in text and "<td>Rex</td>" in page


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    """Questions, answers, errors, databases, names of models and of files: whoever wrote them, they are shown."""
    bad = [
        row(
            place,
            False,
            question=HOSTILE,
            gold=HOSTILE,
            sql=HOSTILE + "\x00\ud800",
            database=HOSTILE,
            hardness="easy",
            features=(HOSTILE,),
            cause=HOSTILE,
            error=HOSTILE,
            gold_error=HOSTILE,
            valid=False,
        )
        for place in range(3)
    ]
    facts = Facts(
        (
            Model(HOSTILE, bad, path=HOSTILE, engine=HOSTILE, seconds=1, facts={HOSTILE: HOSTILE, "list": [HOSTILE]}),
            Model("other", bad, seconds=1),
        ),
        HOSTILE,
        HOSTILE,
        missing={HOSTILE: 3},
        machine={HOSTILE: {HOSTILE: HOSTILE}},
        command=HOSTILE,
        date=HOSTILE,
    )
    said, text, page = pages(facts, tmp_path)
    found = Tags(page)
    assert found.open == [] and not {"script", "img", "iframe", "object", "form", "base"} & set(found.names)
    assert found.names.count("style") == 1
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    assert {value for name, value in found.attributes if name in ("href", "src")} <= {"data:,"} | {
        f"#{name}" for name in ("scores", "hardness", "features", "database", "causes")
    } | {f"#{name}" for name in ("confidence", "models", "examples", "asked", "reading")}
    assert HOSTILE.lstrip("\x1b\u202e[31m") in "".join(found.said) and "{{ 7 * 7 }}" in page
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", page)
    outside = re.sub(r"(?ms)^(`{3,}).*?^\1$", "", text)
    assert "<script" not in outside and "<img" not in outside
    assert said["models"][0]["name"].endswith(HOSTILE[6:])


def test_huge_answers_and_wide_results_are_cut(tmp_path: Path, pets: Path) -> None:
    wide = "SELECT " + ", ".join(f"'{'w' * 500}' AS c{place}" for place in range(40))
    huge = [row(0, False, sql="SELECT " + "x" * 1_000_000, valid=False, error="e" * 100_000), row(1, False, sql=wide)]
    said, text, page = pages(Facts((model("m", huge),), "dev.json", databases={"pets": pets}), tmp_path)
    assert len(page) < 100_000 and len(text) < 50_000
    assert "more characters)" in page
    (result,) = [one["answers"][0]["result"] for one in said["examples"] if one["answers"][0]["result"]]
    assert result["more_columns"] == 34 and len(result["rows"][0]) == 6


def test_the_page_needs_nothing_but_itself(tmp_path: Path) -> None:
    _, _, page = pages(two(10, 30), tmp_path)
    found = Tags(page)
    assert page.startswith('<!doctype html>\n<html lang="en">')
    assert "default-src 'none'" in page
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", page)
    assert found.names.count("h1") == 1 and found.names.count("main") == 1
    plots = found.names.count("svg")
    assert plots == 7 and [name for name, _ in found.attributes].count("aria-label") >= plots
    headings = [int(name[1]) for name in found.names if re.fullmatch(r"h\d", name)]
    assert all(later <= sooner + 1 for sooner, later in itertools.pairwise(headings))
    scopes = [value for name, value in found.attributes if name == "scope"]
    assert len(scopes) == found.names.count("th")


def test_answers_without_confidence_and_copies_make_a_shorter_report(tmp_path: Path) -> None:
    said, text, page = pages(Facts((Model("m", rows(30, confidence=None, suite=None)),), "dev.json"), tmp_path)
    assert "test_suite" not in said["models"][0]["metrics"]
    assert "Confidence" not in text and 'id="confidence"' not in page


def test_no_answers_is_one_clear_error(tmp_path: Path) -> None:
    for models in ((), (Model("m", []),)):
        with pytest.raises(DataError, match=r"dev.json: no answers to report"):
            write_report(Facts(models, "dev.json"), tmp_path)
    assert list(tmp_path.glob("report.*")) == []


def test_the_same_rows_give_the_same_report(tmp_path: Path) -> None:
    assert pages(two(10, 30), tmp_path / "one") == pages(two(10, 30), tmp_path / "two")


def test_what_was_measured_to_choose_a_file_stands_in_it(tmp_path: Path) -> None:
    small = Candidate("Q3_K_M", 90 * 2**20, perplexity=1.31, kl=0.043, kl_error=0.01, top1=0.961)
    large = Candidate("Q8_0", 140 * 2**20, 60, 55, 0.819, 0.964, 0, 0, 1.0, 1.25, 0.0005, 0.0002, 0.996)
    choice = Picked("quant", "Q8_0", "Q8_0: no smaller file is as good", (small, large))
    _, text, page = pages(two(10, 30, choices=(dataclasses.asdict(choice),)), tmp_path)
    for said in (
        "Which type is exported",
        "no smaller file is as good",
        "0.0430 ± 0.0100",
        "55 of 60",
        "81.9–96.4",
        "not asked",
    ):
        assert said in page, said
        assert said in text.replace("\\_", "_"), said
    assert "<strong>Q8_0</strong>" in page
