"""Make checked pairs over any database: draw a template, fill it, run the query, keep what says something."""

import contextlib
import hashlib
import random
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace

from ...core.errors import QueryError
from ...core.records import Example, ResultSet, Schema, Table
from ...databases.cells import flat, index_cells
from ...databases.sqlite import connect, query
from ...prompts.hints import find_hints
from .families.fill import Filler
from .families.notation import Template
from .families.tables import Tables, read_tables
from .language.fitness import Unfit
from .language.spoken import sentence
from .names import Names
from .read_facts import NO_NAMES, read_facts

HELD_OUT = 5  # one kind of question in so many is kept for tests
EMPTY_SHARE = 0.04  # of the kept pairs may return no row: a right answer can be that there are none
DRAWS = 6  # of one template before another has its turn
TRIES = 300  # templates that fail in a row before the database counts as used up
SECONDS = 1.0  # a query that takes longer is skipped
TOP = re.compile(r"SELECT .+? FROM (?P<rest>.+) ORDER BY (?P<order>(?P<key>.+?)(?: DESC)?) LIMIT (?P<limit>\d+)")
ROWS = 60  # of a result that are read


def synthesise(
    url: str,
    schema: Schema,
    count: int,
    rng: random.Random,
    *,
    name: str = "",
    source: str = "synthetic",
    names: Names = NO_NAMES,
    values: bool = True,
    held_out: bool | None = None,
) -> Iterator[Example]:
    """Yield up to `count` pairs, no question and no query twice; fewer when the database has no more to ask.

    Queries are in the plain style of sql/normalise.py. Same database, count and random state: same pairs. `names` are
    the words of the user. Without `values` no cell of the database is in a pair: none in questions and queries, no
    hints, no samples in the schema. `held_out` takes only the kinds of questions that are kept for tests, or, False,
    only the others. Raises DataError when the database cannot be read.
    """
    cells = index_cells(url, schema) if values else None
    shown = schema if values else _without_samples(schema)
    tables = _kinds(read_tables(), held_out)
    with contextlib.closing(connect(url)) as connection:
        filler = Filler(read_facts(url, schema, names, values=values), tables, rng)
        for question, sql in _checked(connection, filler, count):
            hints = find_hints(question, cells) if cells is not None else ()
            yield Example(question, sql, shown, hints, name or schema.name, source)


def _without_samples(schema: Schema) -> Schema:
    def bare(table: Table) -> Table:
        return replace(table, columns=tuple(replace(column, samples=()) for column in table.columns))

    tables = map(bare, schema.tables)
    return replace(schema, tables=tuple(tables))


def _kinds(tables: Tables, held_out: bool | None) -> Tables:
    """The templates that are kept for tests, one in five by their names, or the others."""
    if held_out is None:
        return tables
    kept = [template for template in tables.templates if is_held_out(template.name) == held_out]
    return replace(tables, templates=tuple(kept))


def is_held_out(template: str) -> bool:
    """Return whether a kind of question is kept for tests of models that are trained on the others."""
    return hashlib.sha256(template.encode()).digest()[0] % HELD_OUT == 0


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
        if is_tied(connection, sql):
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


def is_tied(connection: sqlite3.Connection, sql: str) -> bool:
    """Tell whether a LIMIT cuts between rows that are equal in the order: the question does not say which is meant."""
    match = TOP.fullmatch(sql)
    if match is None or "(SELECT" in match["rest"]:
        return False
    last = int(match["limit"]) - 1
    other = f"SELECT {match['key']} FROM {match['rest']} ORDER BY {match['order']} LIMIT 2 OFFSET {last}"
    try:
        rows = query(connection, other, timeout=SECONDS, max_rows=2).rows
    except QueryError:
        return True
    return len(rows) == 2 and rows[0] == rows[1]


def worth_asking(result: ResultSet) -> bool:
    """Tell whether the answer says something: some row, and not only NULLs or a single zero."""
    if not result.rows or all(value is None for row in result.rows for value in row):
        return False
    return result.rows != ((0,),)
