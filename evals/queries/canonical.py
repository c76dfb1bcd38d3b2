"""One text for all spellings of a query: names resolved, columns qualified, what may stand in any order sorted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ...core.records import Schema
from ...sql.names import columns_of
from .syntax import sources, stripped

if TYPE_CHECKING:
    from sqlglot import exp


ANY_TABLE = frozenset(("*", "rowid", "oid", "_rowid_"))  # columns that SQLite gives every table


@dataclass(frozen=True)
class Level:
    """What names mean inside one SELECT: by alias or name the key of a source, by key its columns, the named results.

    `numbered`: a table that stands here twice, or in a query around this one, gets a number: t, t#2. `renamed`: the
    names that WITH gives, by place instead.
    """

    known: Mapping[str, list[str]]
    numbered: bool
    keys: dict[str, str] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)
    results: "dict[str, exp.Expr]" = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    outer: "Level | None" = None

    def key(self, name: str) -> str | None:
        level: Level | None = self
        while level is not None:
            if name in level.keys:
                return level.keys[name]
            level = level.outer
        return None

    def owner(self, column: str) -> str | None:
        """The source that a column without a table belongs to, from the inside out.

        Of two that have it Spider takes the first; where sources are numbered it is neither, as SQLite asks which.
        """
        level: Level | None = self
        while level is not None:
            owners = [key for key, columns in level.columns.items() if column in columns]
            if owners:
                return "?" if level.numbered and len(owners) > 1 else owners[0]
            level = level.outer
        return None

    def lacks(self, key: str, column: str) -> bool:
        """Whether a source surely has no such column; of a function or a SELECT * nobody knows."""
        level: Level | None = self
        while level is not None:
            if key in level.columns:
                found = level.columns[key]
                return bool(found) and "*" not in found and column not in found and column not in ANY_TABLE
            level = level.outer
        return True

    def depth(self) -> int:
        return 0 if self.outer is None else 1 + self.outer.depth()


def level(select: "exp.Select", known: Mapping[str, list[str]], outer: Level | None, numbered: bool) -> Level:
    """Read the names of one SELECT. `known`: the columns of each table, lower case."""
    from sqlglot import exp

    made = Level(known, numbered, renamed=outer.renamed if outer is not None else {}, outer=outer)
    for place, (node, _) in enumerate(sources(select)):
        if isinstance(node, exp.Table):
            name = node.name.lower()
            name = made.renamed.get(name, name)
            columns = known.get(name, [])
        else:
            name = f"~{made.depth()}.{place}" if numbered else "~"
            inner = node.unnest() if isinstance(node, exp.Subquery) else node
            columns = [item.lower() for item in inner.named_selects] if isinstance(inner, exp.Query) else []
        key, number = name, 1
        while numbered and _taken(made, key):
            number += 1
            key = f"{name}#{number}"
        made.keys[(node.alias_or_name or name).lower()] = key
        made.columns[key] = [*made.columns.get(key, ()), *columns]
    for item in select.expressions:
        if isinstance(item, exp.Alias):
            made.results[item.alias.lower()] = item.this
    return made


def _taken(inside: Level, key: str) -> bool:
    around: Level | None = inside
    while around is not None:
        if key in around.columns:
            return True
        around = around.outer
    return False


@dataclass(frozen=True)
class Reader:
    """How expressions become text. `nested` reads a query inside an expression.

    `values` False: texts and numbers read as ?. `distinct` False: DISTINCT in an aggregate is passed over. `tied`: the
    column that stands for all columns that foreign keys tie together. `checked`: a column that is not there raises
    LookupError.
    """

    nested: "Callable[[Reader, exp.Expr, Level], str]"
    values: bool = True
    distinct: bool = True
    tied: Mapping[str, str] = field(default_factory=dict)
    checked: bool = False

    def text(self, node: "exp.Expr", at: Level) -> str:
        from sqlglot import exp

        if isinstance(node, exp.Column):
            return self._column(node, at)
        if isinstance(node, exp.Literal):
            return (repr(node.this) if node.is_string else node.this.lower()) if self.values else "?"
        if isinstance(node, exp.Paren | exp.Alias):
            return self.text(node.this, at)
        if isinstance(node, exp.Query):
            return self.nested(self, node, at)
        if isinstance(node, exp.And | exp.Or):
            word = "and" if isinstance(node, exp.And) else "or"
            return self.all_of(list(node.flatten()), word, at)
        if type(node) in _opposites():
            return self._condition(node, at)
        if isinstance(node, exp.Add | exp.Mul):
            return f"{node.key}({','.join(sorted(self.text(item, at) for item in node.flatten()))})"
        if isinstance(node, exp.Star):
            return "*"
        if isinstance(node, exp.Count) and isinstance(node.this, exp.Literal | exp.Star):
            return "count(*)"
        if isinstance(node, exp.Distinct) and not self.distinct:
            return ",".join(self.text(item, at) for item in node.expressions)
        return self._other(node, at)

    def all_of(self, parts: "list[exp.Expr]", word: str, at: Level) -> str:
        """Conditions joined by AND or OR, in one order and each once."""
        texts: set[str] = set()
        for part in parts:
            texts.update(self._parts(part, word, at))
        return next(iter(texts)) if len(texts) == 1 else f"{word}({';'.join(sorted(texts))})"

    def _parts(self, node: "exp.Expr", word: str, at: Level) -> list[str]:
        """BETWEEN is two conditions, and brackets around the same word say nothing."""
        from sqlglot import exp

        bare, negated = stripped(node)
        if word == "and" and isinstance(bare, exp.Between) and not negated:
            column = self.text(bare.this, at)
            return [f"{self.text(bare.args['low'], at)}<={column}", f"{column}<={self.text(bare.args['high'], at)}"]
        if isinstance(bare, exp.And if word == "and" else exp.Or) and not negated:
            return [text for item in bare.flatten() for text in self._parts(item, word, at)]
        return [self.text(node, at)]

    def _condition(self, node: "exp.Expr", at: Level) -> str:
        """A comparison read in one direction, with NOT drawn into it where there is an opposite sign."""
        from sqlglot import exp

        bare, negated = stripped(node)
        opposites = _opposites()
        sign = opposites[type(bare)][negated] if type(bare) in opposites else ""
        if sign:
            left, right = self.text(bare.this, at), self.text(bare.expression, at)
            if sign in (">", ">=") or (sign in ("=", "<>") and right < left):
                left, right, sign = right, left, sign.replace(">", "<") if sign != "<>" else sign
            return f"{left}{sign}{right}"
        if isinstance(bare, exp.In) and bare.expressions:
            text = f"{self.text(bare.this, at)} in({','.join(sorted({self.text(x, at) for x in bare.expressions}))})"
        elif isinstance(bare, exp.Between):
            text = self.all_of([bare], "and", at)
        elif type(bare) in opposites:
            text = self._other(bare, at)
        else:
            text = self.text(bare, at)
        return f"not({text})" if negated else text

    def _column(self, node: "exp.Column", at: Level) -> str:
        from sqlglot import exp

        name, table = node.name.lower(), node.table.lower()
        if isinstance(node.this, exp.Star):
            name = "*"
            if len(at.columns) == 1:
                return "*"
        owner = (at.key(table) or table) if table else at.owner(name)
        if owner is not None:
            if self.checked and table and at.lacks(owner, name):
                raise LookupError(node.name)
            column = f"{owner}.{name}"
            return self.tied.get(column, column)
        if name in at.results:
            return self.text(at.results[name], replace(at, results={}))
        # SQLite reads "x" as a text where no column has that name
        if isinstance(node.this, exp.Identifier) and node.this.quoted:
            return repr(node.name) if self.values else "?"
        if self.checked and all(at.lacks(key, name) for key in at.columns):
            raise LookupError(node.name)
        return name

    def _other(self, node: "exp.Expr", at: Level) -> str:
        from sqlglot import exp

        if isinstance(node, exp.Anonymous):
            return f"{node.name.lower()}({','.join(self.text(item, at) for item in node.expressions)})"
        parts = []
        for name, value in node.args.items():
            items = value if isinstance(value, list) else [value]
            texts = [
                self.text(item, at) if isinstance(item, exp.Expr) else str(item).lower()
                for item in items
                if item is not None and item is not False
            ]
            if texts and name not in ("negate", "nulls_first", "big_int"):
                told = "" if name in ("this", "expression", "expressions") else f"{name}="
                parts.append(told + ",".join(texts))
        return f"{node.key}({','.join(parts)})"

    def ordered(self, order: "exp.Order | None", select: "exp.Select | None", at: Level) -> list[tuple[str, str]]:
        """Each term of an ORDER BY with asc, desc or "" where it says neither; a result's name or number is it."""
        from sqlglot import exp

        out = []
        for term in order.expressions if order is not None else ():
            node = term.this if isinstance(term, exp.Ordered) else term
            said = term.args.get("desc")
            text = self.result(node, select, at)
            if term.args.get("nulls_first") not in (None, not said):  # SQLite has NULL below all else
                text += " nulls the other way"
            out.append((text, "" if said is None else "desc" if said else "asc"))
        return out

    def result(self, node: "exp.Expr", select: "exp.Select | None", at: Level) -> str:
        """An expression of ORDER BY or GROUP BY, which may name a column of the result by its alias or place."""
        from sqlglot import exp

        if isinstance(node, exp.Column) and not node.table and node.name.lower() in at.results:
            return self.text(at.results[node.name.lower()], replace(at, results={}))
        if select is not None and isinstance(node, exp.Literal) and not node.is_string and node.this.isdigit():
            place = int(node.this)
            if 1 <= place <= len(select.expressions):
                return self.text(select.expressions[place - 1], replace(at, results={}))
        return self.text(node, at)


_OPPOSITES: "dict[type[exp.Expr], tuple[str, str]]" = {}


def _opposites() -> "dict[type[exp.Expr], tuple[str, str]]":
    """By kind of condition its sign and the sign that NOT gives it; both empty where it has none."""
    if not _OPPOSITES:
        from sqlglot import exp

        _OPPOSITES.update({exp.EQ: ("=", "<>"), exp.NEQ: ("<>", "="), exp.LT: ("<", ">="), exp.GTE: (">=", "<")})
        _OPPOSITES.update({exp.GT: (">", "<="), exp.LTE: ("<=", ">")})
        for kind in (exp.Not, exp.In, exp.Between, exp.Like, exp.Glob, exp.Is, exp.Exists):
            _OPPOSITES[kind] = ("", "")
    return _OPPOSITES


def canonical(tree: "exp.Expr", schema: Schema) -> str:
    """The text that all spellings of a query share; may raise RecursionError for a hostile one.

    Alike are: aliases and names, upper and lower case, quotes, `<>` and `!=`, ASC and nothing, the order of AND, OR,
    +, *, inner joins, GROUP BY, IN (...), UNION and INTERSECT, the sides of a comparison, a condition in ON or in
    WHERE where all joins are inner, BETWEEN and two comparisons, COUNT(*) and COUNT(1), a result's place or alias in
    ORDER BY. Not alike: the roles of a table that stands twice, when they are swapped; a join and a sub-query.
    """
    return _query(Reader(_query), tree, Level(columns_of(schema), True))


def _query(reader: Reader, tree: "exp.Expr", outer: Level) -> str:
    from sqlglot import exp

    parts = []
    with_ = tree.args.get("with_") or tree.args.get("with")
    if with_ is not None:
        known, renamed = dict(outer.known), dict(outer.renamed)
        outer = replace(outer, known=known, renamed=renamed)
        for item in with_.expressions:
            name = f"with{len(renamed)}"
            named = item.args["alias"].columns or item.this.named_selects
            known[name] = [str(one.name if isinstance(one, exp.Expr) else one).lower() for one in named]
            renamed[item.alias.lower()] = name
            parts.append(f"{name}={_query(reader, item.this, outer)} ")
    if isinstance(tree, exp.Select):
        return "".join([*parts, _select(reader, tree, outer)])
    if isinstance(tree, exp.SetOperation):
        parts.append(_set_operation(reader, tree, outer))
    elif isinstance(tree, exp.Subquery):
        parts.append(_query(reader, tree.this, outer))
    else:
        parts.append(reader._other(tree, outer))
    order = [f"{text} {way}" if way == "desc" else text for text, way in _order(reader, tree, outer)]
    parts += [f" order {','.join(order)}"] if order else []
    parts += [f" {name} {reader.text(tree.args[name], outer)}" for name in ("limit", "offset") if tree.args.get(name)]
    return f"({''.join(parts)})" if len(parts) > 1 else parts[0]


def _order(reader: Reader, tree: "exp.Expr", outer: Level) -> list[tuple[str, str]]:
    """The ORDER BY after several SELECTs speaks of the first one's columns."""
    from sqlglot import exp

    if tree.args.get("order") is None:
        return []
    first = tree
    while isinstance(first, exp.SetOperation | exp.Subquery):
        first = first.this
    if not isinstance(first, exp.Select):
        return reader.ordered(tree.args["order"], None, outer)
    return reader.ordered(tree.args["order"], first, level(first, outer.known, outer, True))


def _set_operation(reader: Reader, tree: "exp.SetOperation", outer: Level) -> str:
    from sqlglot import exp

    def same(node: exp.Expr) -> bool:
        plain = not any(node.args.get(name) for name in ("order", "limit", "offset", "with_", "with"))
        return plain and type(node) is type(tree) and node.args.get("distinct") == tree.args.get("distinct")

    name = tree.key + ("" if tree.args.get("distinct", True) else " all")
    if isinstance(tree, exp.Except):
        return f"{name}({_query(reader, tree.this, outer)};{_query(reader, tree.expression, outer)})"
    parts, waiting = [], [tree.this, tree.expression]
    while waiting:
        item = waiting.pop()
        if isinstance(item, exp.SetOperation) and same(item):
            waiting += [item.this, item.expression]
        else:
            parts.append(_query(reader, item, outer))
    return f"{name}({';'.join(sorted(parts))})"


TAKEN_APART = frozenset(
    "expressions distinct from_ from joins where group having order limit offset with_ with".split()
)


def _select(reader: Reader, select: "exp.Select", outer: Level) -> str:
    from sqlglot import exp

    at = level(select, outer.known, outer, True)
    plain = replace(at, results={})
    items = ",".join(reader.text(item, plain) for item in select.expressions)
    joined = list(sources(select))
    inner = all(
        join is None or not (join.side or join.args.get("using") or join.args.get("method")) for _, join in joined
    )
    tables, asked = [], []
    for (node, join), key in zip(joined, at.columns, strict=False):
        text = key if isinstance(node, exp.Table) else f"{key}={reader.text(node, outer)}"
        on = join.args.get("on") if join is not None else None
        if join is not None and not inner:
            using = ",".join(item.name.lower() for item in join.args.get("using") or ())
            text = f"{join.args.get('method') or ''} {join.side} join {text} using({using}) "
            text += reader.all_of([on], "and", at) if on is not None else ""
        elif on is not None and not isinstance(on, exp.Boolean):
            asked.append(on)
        tables.append(text)
    where = select.args.get("where")
    asked += [where.this] if where is not None else []
    group, having = select.args.get("group"), select.args.get("having")
    parts = ["select distinct " if select.args.get("distinct") else "select ", items]
    parts.append(f" from {','.join(sorted(tables) if inner else tables)}")
    parts += [f" where {reader.all_of(asked, 'and', at)}"] if asked else []
    if group is not None:
        parts.append(f" group {','.join(sorted({reader.result(item, select, at) for item in group.expressions}))}")
    parts += [f" having {reader.all_of([having.this], 'and', at)}"] if having is not None else []
    terms = reader.ordered(select.args.get("order"), select, at)
    order = [f"{text} {way}" if way == "desc" else text for text, way in terms]
    parts += [f" order {','.join(order)}"] if order else []
    for name in ("limit", "offset"):
        if select.args.get(name) is not None:
            parts.append(f" {name} {reader.text(select.args[name].expression, at)}")
    for name, value in select.args.items():
        if value and name not in TAKEN_APART:
            many = value if isinstance(value, list) else [value]
            parts += [f" {name} {reader.text(item, at) if isinstance(item, exp.Expr) else item}" for item in many]
    return f"({''.join(parts)})"
