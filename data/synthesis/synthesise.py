"""Make checked pairs over any database: draw a template, fill it, run the query, keep what says something."""

import contextlib
import random
import sqlite3
from collections.abc import Iterator

from ...core.errors import QueryError
from ...core.records import Example, ResultSet, Schema
from ...databases.cells import flat, index_cells
from ...databases.sqlite import connect, query
from ...prompts.hints import find_hints
from .families.fill import Filler
from .families.notation import Template
from .families.tables import read_tables
from .language.fitness import Unfit
from .language.spoken import sentence
from .read_facts import read_facts

EMPTY_SHARE = 0.04  # of the kept pairs may return no row: a right answer can be that there are none
DRAWS = 6  # of one template before another has its turn
TRIES = 300  # templates that fail in a row before the database counts as used up
SECONDS = 1.0  # a query that takes longer is skipped
ROWS = 60  # of a result that are read


def synthesise(
    url: str, schema: Schema, count: int, rng: random.Random, *, name: str = "", source: str = "synthetic"
) -> Iterator[Example]:
    """Yield up to `count` pairs, no question and no query twice; fewer when the database has no more to ask.

    Queries are in the plain style of sql/normalise.py. Same database, count and random state: same pairs.
    Raises DataError when the database cannot be read.
    """
    cells = index_cells(url, schema)
    with contextlib.closing(connect(url)) as connection:
        for question, sql in _checked(connection, Filler(read_facts(url, schema), read_tables(), rng), count):
            yield Example(question, sql, schema, find_hints(question, cells), name or schema.name, source)


def _checked(connection: sqlite3.Connection, filler: Filler, count: int) -> Iterator[tuple[str, str]]:
    """Questions with queries that run and say something."""
    templates = filler.tables.templates
    weights = [template.weight for template in templates]
    questions, queries = set[str](), set[str]()
    made = empty = failed = 0
    while made < count and failed < TRIES:
        failed += 1
        drawn = _draw(filler, filler.rng.choices(templates, weights)[0])
        if drawn is None:
            continue
        question, sql = sentence(drawn[0], filler.rng), drawn[1]
        folded = flat(question)
        if folded in questions or sql in queries:
            continue
        try:
            result = query(connection, sql, timeout=SECONDS, max_rows=ROWS)
        except QueryError:
            continue
        if not worth_asking(result):
            if (result.rows and result.rows[0] not in ((None,), (0,))) or empty >= EMPTY_SHARE * made:
                continue
            empty += 1
        questions.add(folded)
        queries.add(sql)
        made += 1
        failed = 0
        yield question, sql


def _draw(filler: Filler, template: Template) -> tuple[str, str] | None:
    """Try a template a few times: were each failure followed by another template, the harder ones would be rare."""
    for _ in range(DRAWS):
        try:
            return filler.draw(template)
        except Unfit:
            continue
    return None


def worth_asking(result: ResultSet) -> bool:
    """Tell whether the answer says something: some row, and not only NULLs or a single zero."""
    if not result.rows or all(value is None for row in result.rows for value in row):
        return False
    return result.rows != ((0,),)
