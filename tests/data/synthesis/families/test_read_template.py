"""A mistake in a table of templates is an error when the table is read, with the place of the mistake."""

import re
import shutil
from pathlib import Path

import pytest
from sql_llama.data.synthesis.families.frames import TemplateError
from sql_llama.data.synthesis.families.read_template import read_phrase, read_template
from sql_llama.data.synthesis.families.tables import FOLDER, read_tables

GOOD = {
    "weight": 2,
    "over": "table",
    "group": "column of row, group year, shared",
    "where": "filter of row, 20%, not group, several",
    "ask": ["How many {rows} {where} are there for each {group}?"],
    "sql": "SELECT {group}, COUNT(*) FROM {row} {where} GROUP BY {group}",
}


def test_a_template_holds_what_its_table_says() -> None:
    template = read_template("counts", GOOD, "groups.toml:7")
    assert (template.name, template.weight, template.over) == ("counts", 2.0, "table")
    assert list(template.slots) == ["group", "where"]
    where = template.slots["where"]
    assert (where.kind, where.of, where.share, where.without) == ("filter", "row", 0.2, ("group",))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"weight": 0}, "weight is not a number above 0"),
        ({"over": "planet"}, "over: no scope 'planet'"),
        ({"ask": []}, "has neither ask nor what"),
        ({"ask": "How many?"}, "ask is not a list of texts"),
        ({"ask": ["How many {rows} {where} [are|is there for each {group}?"]}, "ask: a choice is not closed"),
        ({"ask": ["How many {rows} {where} are] there for each {group}?"]}, "ask: ']' closes or divides nothing"),
        ({"ask": ["How many {rows} {where} in each {grp}?"]}, "no slot {grp}"),
        ({"ask": ["How many {rows} {where} in {group:each}?"]}, "no form 'each'"),
        ({"ask": ["How many {rows} are there for each {group}?"]}, "differ in a literal: where"),
        ({"ask": ["How many {rows} [{where} |]for each {group}?"]}, "differ in a literal: where"),
        ({"sql": "SELECT {group}, COUNT(*) FROM {row} GROUP BY {group}"}, "differ in a literal: where"),
        ({"group": "columm of row, group"}, "group: no kind 'columm'"),
        ({"group": "column of table, group"}, "group: nothing before it is called 'table'"),
        ({"group": "column of row, groups"}, "group: 'groups' is no option"),
        ({"group": "column of row, group, not where"}, "group: nothing before it is called 'where'"),
        ({"group": [["most", "DESC", 1, 1]]}, "is not words, SQL and perhaps a weight"),
        ({"row": "column of row, group"}, "row: is a name of the scope"),
        ({"top": "extreme of row"}, "drawn and not used: top"),
        ({"person": "yes"}, "person is not true or false"),
        ({"top": "limit of row"}, "top: 'limit' is of a column"),
        ({"top": "extreme of group"}, "top: 'extreme' is of a table"),
        ({"top": "column of row"}, "top: which roles may the column have?"),
        ({"top": "number of row"}, "top: which numbers may it be?"),
        (
            {
                "where": "condition of row",
                "sql": "SELECT {group}, COUNT(*) FROM {row} WHERE {group} = 1 AND {where} GROUP BY {group}",
            },
            "a condition beside an AND has to be `simple`",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(changes: dict[str, object], problem: str) -> None:
    with pytest.raises(TemplateError) as error:
        read_template("counts", {**GOOD, **changes}, "groups.toml:7")
    assert error.value.message.startswith("groups.toml:7: [counts]")
    assert problem in error.value.message


def test_a_phrase_names_roles_and_needs_that_exist() -> None:
    phrase = {"weight": 1, "roles": "nummer", "say": ["over {column}"], "sql": "{column}"}
    with pytest.raises(TemplateError, match="no such role or need: nummer"):
        read_phrase("over", phrase, "condition.toml:1")


def test_a_mistake_in_a_file_is_told_with_its_line(tmp_path: Path) -> None:
    folder = tmp_path / "families"
    shutil.copytree(FOLDER, folder)
    path = folder / "groups.toml"
    text = path.read_text(encoding="utf-8")
    line = text[: text.index("[having_count]")].count("\n") + 1
    path.write_text(re.sub(r"(\[having_count\]\nweight = )", r"\1-", text), encoding="utf-8")
    with pytest.raises(TemplateError, match=rf"groups\.toml:{line}: \[having_count\]: weight"):
        read_tables(folder)


def test_a_slot_is_limited_to_phrases_that_exist(tmp_path: Path) -> None:
    folder = tmp_path / "families"
    shutil.copytree(FOLDER, folder)
    path = folder / "groups.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("only average total", "only averag total"), "utf-8")
    with pytest.raises(TemplateError, match=r"\[group_extreme\] value: no such aggregate: averag"):
        read_tables(folder)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "families"
    shutil.copytree(FOLDER, folder)
    (folder / "sets.toml").write_text("[either\n", encoding="utf-8")
    with pytest.raises(TemplateError, match=r"sets\.toml: not TOML"):
        read_tables(folder)
