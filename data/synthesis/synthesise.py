"""Make checked pairs over any database: draw a family, write question and query, run it, keep what says something."""

import random
from collections.abc import Callable, Iterator

from ...core.errors import QueryError
from ...core.records import Example, ResultSet, Schema
from ...databases.cells import flat, index_cells
from ...databases.sqlite import run
from ...prompts.hints import find_hints
from .facts import Facts, read_facts
from .families.children import CHILDREN
from .families.groups import GROUPS
from .families.joins import JOINS
from .families.links import LINKS
from .families.order import ORDER
from .families.sets import SETS
from .families.single import SINGLE
from .language.phrases import sentence

FAMILIES = (*SINGLE, *ORDER, *GROUPS, *JOINS, *CHILDREN, *LINKS, *SETS)
EMPTY_SHARE = 0.04  # of the kept pairs may return no row: a right answer can be that there are none
DRAWS = 6  # of one family before another has its turn
TRIES = 300  # families that fail in a row before the database counts as used up
SECONDS = 1.0  # a query that takes longer is left out


def synthesise(
    url: str, schema: Schema, count: int, rng: random.Random, *, name: str = "", source: str = "synthetic"
) -> Iterator[Example]:
    """Yield up to `count` pairs, no question and no query twice; fewer when the database has no more to ask.

    Queries are in the plain style of sql/normalise.py. Same database, count and random state: same pairs.
    """
    facts, cells = read_facts(url, schema), index_cells(url, schema)
    weights = [weight for weight, _ in FAMILIES]
    questions, queries = set[str](), set[str]()
    made = empty = failed = 0
    while made < count and failed < TRIES:
        family = rng.choices(FAMILIES, weights)[0][1]
        failed += 1
        drawn = _draw(family, facts, rng)
        if drawn is None:
            continue
        question, sql = drawn
        question = sentence(rng, question)
        asked = flat(question)
        if asked in questions or sql in queries:
            continue
        try:
            result = run(url, sql, timeout=SECONDS, max_rows=60)
        except QueryError:
            continue
        if not worth_asking(result):
            if (result.rows and result.rows[0] not in ((None,), (0,))) or empty >= EMPTY_SHARE * made:
                continue
            empty += 1
        questions.add(asked)
        queries.add(sql)
        made += 1
        failed = 0
        yield Example(question, sql, schema, find_hints(question, cells), name or schema.name, source)


def _draw(
    family: Callable[[Facts, random.Random], tuple[str, str]], facts: Facts, rng: random.Random
) -> tuple[str, str] | None:
    """Try a family a few times: were each failure followed by another family, the harder ones would be rare."""
    for _ in range(DRAWS):
        try:
            return family(facts, rng)
        except LookupError:  # Unfit, or nothing left to choose from
            continue
    return None


def worth_asking(result: ResultSet) -> bool:
    """Whether the answer says something: some row, and not only NULLs or a single zero."""
    if not result.rows or all(value is None for row in result.rows for value in row):
        return False
    return result.rows != ((0,),)
