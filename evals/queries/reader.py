"""An expression of a query as text, the same for all its spellings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .level import Level
from .syntax import stripped

if TYPE_CHECKING:
    from sqlglot import exp


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
        """Write an expression in the one way that all its spellings share."""
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
        return self.other(node, at)

    def all_of(self, parts: "list[exp.Expr]", word: str, at: Level) -> str:
        """Write conditions joined by AND or OR, in one order and each once."""
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
            text = self.other(bare, at)
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

    def other(self, node: "exp.Expr", at: Level) -> str:
        """Write an expression that has no rule of its own: its kind, then its parts."""
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
                label = "" if name in ("this", "expression", "expressions") else f"{name}="
                parts.append(label + ",".join(texts))
        return f"{node.key}({','.join(parts)})"

    def ordered(self, order: "exp.Order | None", select: "exp.Select | None", at: Level) -> list[tuple[str, str]]:
        """Write each term of an ORDER BY, with asc, desc or "" where it says neither.

        A term that is a result's name or number is that result.
        """
        from sqlglot import exp

        out = []
        for term in order.expressions if order is not None else ():
            node = term.this if isinstance(term, exp.Ordered) else term
            desc = term.args.get("desc")
            text = self.result(node, select, at)
            if term.args.get("nulls_first") not in (None, not desc):  # SQLite has NULL below all else
                text += " nulls the other way"
            out.append((text, "" if desc is None else "desc" if desc else "asc"))
        return out

    def result(self, node: "exp.Expr", select: "exp.Select | None", at: Level) -> str:
        """Write an expression of ORDER BY or GROUP BY, which may name a column of the result by its alias or place."""
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
