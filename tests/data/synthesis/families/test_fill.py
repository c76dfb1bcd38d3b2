"""Every template and every phrase is drawn over the project's own databases; questions and queries agree."""

import random
import re
from collections import Counter

import pytest
from sql_llama.data.synthesis.facts import Facts
from sql_llama.data.synthesis.families import fill
from sql_llama.data.synthesis.families.fill import Filler
from sql_llama.data.synthesis.families.literals import MONTHS, NUMBER_WORDS
from sql_llama.data.synthesis.families.notation import Phrase, Slot, Template
from sql_llama.data.synthesis.families.tables import read_tables
from sql_llama.data.synthesis.language.fitness import Unfit
from sql_llama.data.synthesis.read_facts import read_facts
from sql_llama.data.synthesis.worlds.worlds import World, build_worlds
from sql_llama.databases.introspect import introspect
from sql_llama.databases.sqlite import run

TABLES = read_tables()
WANTED = 3  # pairs of each template
ROUNDS = 12  # over all databases, at most


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[World, Facts]]:
    worlds = build_worlds(tmp_path_factory.mktemp("worlds"))
    return [(world, read_facts(str(world.path), introspect(str(world.path)))) for world in worlds]


@pytest.fixture(scope="module")
def drawn(databases: list[tuple[World, Facts]]) -> dict[str, list[tuple[World, str, str]]]:
    """A few pairs of each template, each from another database where there are enough."""
    rng = random.Random(1)
    pairs: dict[str, list[tuple[World, str, str]]] = {template.name: [] for template in TABLES.templates}
    fillers = [(world, Filler(facts, TABLES, rng)) for world, facts in databases]
    for _ in range(ROUNDS):
        for template in TABLES.templates:
            for world, filler in fillers:
                if len(pairs[template.name]) >= WANTED:
                    break
                try:
                    pairs[template.name].append((world, *filler.draw(template)))
                except Unfit:
                    continue
    return pairs


@pytest.mark.parametrize("template", TABLES.templates, ids=lambda template: template.name)
def test_each_template_is_drawn_and_its_queries_run(
    template: Template, drawn: dict[str, list[tuple[World, str, str]]]
) -> None:
    assert len(drawn[template.name]) == WANTED
    for world, question, sql in drawn[template.name]:
        run(str(world.path), sql)
        assert not re.search(r"[\[\]{}|_]|  ", question), question


def test_each_phrase_is_said(databases: list[tuple[World, Facts]]) -> None:
    """A slot of each kind of phrase, filled often: no phrase fits no column of any database."""
    rng, times = random.Random(1), Counter[str]()
    for _, facts in databases:
        filler = Filler(facts, TABLES, rng)
        for entity in facts.spoken:
            for column in entity.fields:
                for kind, phrases in TABLES.phrases.items():
                    for phrase in phrases.phrases:
                        if times[f"{kind} {phrase.template.name}"] == 0 and fill.fits(phrase, column, entity.person):
                            times[f"{kind} {phrase.template.name}"] += _says(filler, kind, phrase, column, entity)
    never = [
        f"{kind} {phrase.template.name}"
        for kind, phrases in TABLES.phrases.items()
        for phrase in phrases.phrases
        if not times[f"{kind} {phrase.template.name}"]
    ]
    assert never == []


def _says(filler: Filler, kind: str, phrase: Phrase, column, entity) -> int:  # type: ignore[no-untyped-def]
    for _ in range(4):
        try:
            filling = filler.say(kind, column, entity, Slot(kind, only=(phrase.template.name,)))
        except Unfit:
            continue
        assert filling.sql.split()[0] and filling.singular
        return 1
    return 0


def test_each_way_to_ask_can_be_rendered(databases: list[tuple[World, Facts]]) -> None:
    """No frame of a template names a form that its slots never have."""
    rng = random.Random(2)
    dead = []
    for template in TABLES.templates:
        for frame in (*template.ask, *template.what):
            if not any(_renders(Filler(facts, TABLES, rng), template, frame) for _, facts in databases):
                dead.append((template.name, frame))
    assert dead == []


def _renders(filler: Filler, template: Template, frame) -> bool:  # type: ignore[no-untyped-def]
    from dataclasses import replace

    for _ in range(6):
        try:
            filler.draw(replace(template, ask=(frame,), what=()))
        except Unfit:
            continue
        return True
    return False


def test_every_literal_of_the_query_stands_in_the_question(
    drawn: dict[str, list[tuple[World, str, str]]], databases: list[tuple[World, Facts]]
) -> None:
    flags = {
        (world.name, field.sql)
        for world, facts in databases
        for entity in facts.entities
        for field in entity.fields
        if field.role == "flag"
    }
    for pairs in drawn.values():
        for world, question, sql in pairs:
            without_flags = sql
            for name, column in flags:
                if name == world.name:
                    without_flags = re.sub(rf"{re.escape(column)} = ('\w+'|\d)", "", without_flags)
            assert missing_literals(question, without_flags) == [], (question, sql)


def missing_literals(question: str, sql: str) -> list[str]:
    """Literals of a query that its question does not have; LIMIT 1 is said as `the`, a month by its name."""
    said = question.lower().replace(",", "")
    words = {str(number): word for number, word in NUMBER_WORDS.items()}
    sql = re.sub(r"'%Y(-%m)?'|100\.0 \* | THEN 1 END", "", sql.removesuffix(" LIMIT 1"))
    texts = [text.replace("''", "'").strip("%") for text in re.findall(r"'((?:[^']|'')*)'", sql)]
    numbers = re.findall(r"(?<![\w.\"'%-])\d+(?:\.\d+)?(?![\w.\"'])", re.sub(r"'(?:[^']|'')*'|\"[^\"]*\"", "''", sql))
    missing = [text for text in texts if text.lower().replace(",", "") not in said and not said_month(text, said)]
    missing += [n for n in numbers if n not in said and words.get(n, n) not in said]
    return missing


def said_month(text: str, said: str) -> bool:
    """Whether a month, or the first or last day of one, is said by its name and year; or a New Year by its year."""
    match = re.fullmatch(r"(\d{4})-(\d\d)(-\d\d)?", text)
    if match is None or match[1] not in said:
        return False
    return MONTHS[int(match[2]) - 1].lower() in said or text.endswith("-01-01")


def test_the_check_of_literals_finds_a_difference() -> None:
    assert missing_literals("Which singers are over 30?", "SELECT s.name FROM s WHERE s.age > 31") == ["31"]
    assert missing_literals("Singers from France", "SELECT s.name FROM s WHERE s.country = 'Spain'") == ["Spain"]
    assert missing_literals("Films since 2020", "SELECT f.name FROM f WHERE f.out >= '2021-01-01'") == ["2021-01-01"]
    assert missing_literals("Films of May 2020", "SELECT f.name FROM f WHERE f.out LIKE '2020-06%'") == ["2020-06"]
    assert missing_literals("The top three singers", "SELECT s.name FROM s ORDER BY s.age DESC LIMIT 3") == []
