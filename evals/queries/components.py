"""Spider's component match, without values, and the match of two queries once their spelling is made alike."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from ...core.records import Schema
from ...sql.compare import exact_match
from ...sql.names import columns_of
from .canonical import canonical
from .level import Level, level
from .reader import Reader
from .syntax import LONGEST, Block, blocks, conditions, sources, stripped, syntax

if TYPE_CHECKING:
    from sqlglot import exp


@dataclass(frozen=True)
class Components:
    """Whether two queries agree, part by part. `connectors`: AND and OR of WHERE. `sets`: UNION, INTERSECT, EXCEPT."""

    select: bool
    where: bool
    group: bool
    order: bool
    connectors: bool
    sets: bool
    keywords: bool
    tables: bool

    @property
    def overall(self) -> bool:
        """Return whether all parts agree."""
        return all(astuple(self))


@dataclass(frozen=True)
class Parts:
    """One SELECT taken apart as Spider does it. `then`: what joins the next SELECT, and that."""

    select: tuple[str, ...]
    tables: tuple[str, ...]
    on: tuple[str, ...]
    where: tuple[str, ...]
    connectors: tuple[str, ...]
    group: tuple[str, ...]
    having: tuple[str, ...]
    order: tuple[str, ...]
    limited: bool
    keywords: frozenset[str]
    then: "tuple[str, Parts] | None"
    text: str
    """All of it in one text, in the order written: nested queries are alike only when this is."""


def component_match(gold: str, predicted: str, schema: Schema) -> Components | None:
    """Compare two queries by Spider's "exact set match", values and DISTINCT aside.

    None when one cannot be parsed, or names a column that its tables do not have.

    Columns that foreign keys tie together count as one. As Spider has it (Yu et al. 2018): conditions of ON say
    nothing but by their key words, the last ASC or DESC stands for all of ORDER BY, LIMIT counts but not its number,
    and queries nested in conditions or in FROM must agree clause by clause in the order written.

    >>> from ...core.records import Column, Table
    >>> pets = Schema((Table("pets", (Column("name", "text"), Column("age", "int"))),))
    >>> component_match("SELECT name FROM pets WHERE age > 3", "select p.name from pets p where age > 5", pets).overall
    True
    >>> component_match("SELECT name FROM pets", "SELECT age FROM pets", pets).select
    False
    """
    left, right = _gold_parts(gold, schema), _parts_of(predicted, schema)
    return None if left is None or right is None else _compare(left, right)


def _compare(gold: Parts, predicted: Parts) -> Components:
    same_order = gold.order == predicted.order and (not gold.order or gold.limited == predicted.limited)
    sets = (gold.then and gold.then[0]) == (predicted.then and predicted.then[0])
    if sets and gold.then and predicted.then:
        sets = _compare(gold.then[1], predicted.then[1]).overall
    return Components(
        select=Counter(gold.select) == Counter(predicted.select),
        where=Counter(gold.where) == Counter(predicted.where),
        # HAVING is looked at where both group; alone it is a key word
        group=gold.group == predicted.group and (not gold.group or gold.having == predicted.having),
        order=same_order,
        connectors=set(gold.connectors) == set(predicted.connectors),
        sets=sets,
        keywords=gold.keywords == predicted.keywords,
        tables=Counter(gold.tables) == Counter(predicted.tables),
    )


@lru_cache(maxsize=4096)
def _gold_parts(sql: str, schema: Schema) -> Parts | None:
    return _parts_of(sql, schema)


def _parts_of(sql: str, schema: Schema) -> Parts | None:
    tree = syntax(sql)
    if tree is None:
        return None
    try:
        reader = Reader(_nested, values=False, distinct=False, tied=_tied(schema), checked=True)
        return _parts(blocks(tree), reader, Level(columns_of(schema), False))
    except (RecursionError, LookupError):
        return None


@lru_cache(maxsize=64)
def _tied(schema: Schema) -> Mapping[str, str]:
    """For each column of a foreign key the first of all columns that keys tie it to, as table.column."""
    first: dict[str, str] = {}
    for key in schema.foreign_keys:
        column, referenced = f"{key.table}.{key.column}".lower(), f"{key.ref_table}.{key.ref_column}".lower()
        kept, gone = sorted((first.get(column, column), first.get(referenced, referenced)))
        first.update({column: kept for column, to in first.items() if to == gone})
        first.update({column: kept, referenced: kept})
    return first


def _nested(reader: Reader, tree: "exp.Expr", at: Level) -> str:
    """A query inside another: no ties, and DISTINCT counts."""
    strict = Reader(_nested, values=reader.values, checked=True)
    parts = _parts(blocks(tree), strict, at)
    return "?" if parts is None else parts.text


def _parts(queries: tuple[Block, ...], reader: Reader, outer: Level) -> Parts | None:
    if not queries:
        return None
    block, select = queries[0], queries[0].select
    at = level(select, outer.known, outer, False)
    plain = Level(at.known, False, at.keys, at.columns, outer=outer)
    joined = list(sources(select))
    tables = [_table(node, join, outer) for node, join in joined]
    for item in block.named.expressions if block.named is not None else ():
        tables.append(f"{item.alias.lower()}={_nested(Reader(_nested, checked=True), item.this, outer)}")
    on: list[exp.Expr] = []
    on_words: list[str] = []
    for _, join in joined:
        leaves, words = conditions(join.args.get("on") if join is not None else None)
        on_words += words if not on else ["and", *words] if leaves else []
        on += leaves
    where, words = conditions(_inside(select, "where"))
    having, having_words = conditions(_inside(select, "having"))
    group = select.args.get("group")
    terms = reader.ordered(block.order, select, at)
    directions = [way for _, way in terms if way]
    parts = {
        "select": tuple(reader.text(item, plain) for item in select.expressions),
        "tables": tuple(tables),
        "on": _interleaved([_condition(leaf, reader, at) for leaf in on], on_words),
        "where": tuple(_condition(leaf, reader, at) for leaf in where),
        "group": tuple(reader.result(item, select, at) for item in group.expressions) if group is not None else (),
        "having": _interleaved([_condition(leaf, reader, at) for leaf in having], having_words),
        "order": (directions[-1] if directions else "asc", *(text for text, _ in terms)) if terms else (),
    }
    then = None
    rest = _parts(queries[1:], reader, outer)
    if rest is not None:
        then = (queries[1].joined, rest)
    keywords = {name for name in ("where", "group", "having") if parts[name]}
    keywords |= {"order", parts["order"][0]} if terms else set()
    keywords |= {"limit"} if block.limited else set()
    keywords |= {then[0]} if then else set()
    keywords |= {"or"} if "or" in (*on_words, *words, *having_words) else set()
    keywords |= {word for leaf in (*on, *where, *having) for word in _words(leaf)}
    texts = [f"{name}({';'.join(value)})" for name, value in parts.items()]
    texts += [f"words({';'.join(words)})", str(block.limited), str(bool(select.args.get("distinct")))]
    texts += [f"{then[0]} {then[1].text}"] if then else []
    return Parts(
        **parts,
        connectors=tuple(words),
        limited=block.limited,
        keywords=frozenset(keywords),
        then=then,
        text=f"({' '.join(texts)})",
    )


def _inside(select: "exp.Select", name: str) -> "exp.Expr | None":
    clause = select.args.get(name)
    return clause.this if clause is not None else None


def _interleaved(conditions: list[str], words: list[str]) -> tuple[str, ...]:
    out = conditions[:1]
    for word, condition in zip(words, conditions[1:], strict=False):
        out += [word, condition]
    return tuple(out)


def _table(node: "exp.Expr", join: "exp.Join | None", outer: Level) -> str:
    """A table's name, or a query in FROM with its values. LEFT, a comma and the like belong to it, INNER does not."""
    from sqlglot import exp

    way = ""
    if join is not None:
        way = f"{join.args.get('method') or ''}{join.side} ".lower().lstrip()
        # a JOIN that lacks its condition has ON TRUE here
        if not (way or join.args.get("on") is not None or join.args.get("using")):
            way = "cross "
    if isinstance(node, exp.Table):
        return way + node.name.lower()
    return way + _nested(Reader(_nested, checked=True), node, outer)


def _condition(leaf: "exp.Expr", reader: Reader, at: Level) -> str:
    """NOT, the sign, the left side, and of the right side only a query that stands there."""
    from sqlglot import exp

    bare, negated = stripped(leaf)
    if isinstance(bare, exp.Escape):
        bare = bare.this
    if isinstance(bare, exp.Exists):
        left, right = "", [bare.this]
    elif isinstance(bare, exp.In):
        left, right = reader.text(bare.this, at), [bare.args.get("query") or (bare.expressions or [None])[0]]
    elif isinstance(bare, exp.Between):
        left, right = reader.text(bare.this, at), [bare.args["low"], bare.args["high"]]
    elif isinstance(bare, exp.Predicate) and isinstance(bare, exp.Binary):
        left, right = reader.text(bare.this, at), [bare.expression]
    else:
        return f"{'not ' if negated else ''}{reader.text(bare, at)}"
    seen = [_right(node, reader, at) for node in right]
    return f"{'not ' if negated else ''}{left} {bare.key} {' '.join(seen)}"


def _right(node: "exp.Expr | None", reader: Reader, at: Level) -> str:
    from sqlglot import exp

    while isinstance(node, exp.Paren):
        node = node.this
    if node is None:
        return "?"
    text = reader.text(node, at)  # also where it does not count: it may name what is not there
    return text if reader.values or isinstance(node, exp.Query) or node.find(exp.Query) else "?"


def _words(leaf: "exp.Expr") -> list[str]:
    from sqlglot import exp

    bare, negated = stripped(leaf)
    words = ["not"] if negated else []
    if isinstance(bare, exp.In):
        words.append("in")
    return [*words, "like"] if isinstance(bare, exp.Like) else words


def normalised_match(gold: str, predicted: str, schema: Schema) -> bool:
    """Return whether two queries are the same once their spelling is made alike; canonical.py says what that forgives.

    What cannot be parsed, or is too long to look at, matches only as `exact_match` has it.

    >>> from ...core.records import Column, Table
    >>> pets = Schema((Table("pets", (Column("name", "text"), Column("age", "int"))),))
    >>> normalised_match("SELECT name FROM pets WHERE age > 3 AND name <> 'x'",
    ...     'select p.Name from Pets AS p where "x" != p.name and 3 < p.age', pets)
    True
    """
    if max(len(gold), len(predicted)) > LONGEST:
        return gold.strip() == predicted.strip()
    left = _gold_canonical(gold, schema)
    right = _canonical(predicted, schema) if left is not None else None
    return exact_match(gold, predicted) if left is None or right is None else left == right


@lru_cache(maxsize=4096)
def _gold_canonical(sql: str, schema: Schema) -> str | None:
    return _canonical(sql, schema)


def _canonical(sql: str, schema: Schema) -> str | None:
    tree = syntax(sql)
    try:
        return canonical(tree, schema) if tree is not None else None
    except RecursionError:
        return None
