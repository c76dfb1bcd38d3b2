"""How alike are two queries: by their syntax trees, or by the sentence embeddings of any model."""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ...core.errors import DataError
from .syntax import sources, syntax

if TYPE_CHECKING:
    from sqlglot import exp

MOST_NODES = 150  # of either tree, names not counted; the largest gold of Spider has 67


def tree_similarity(gold: str, predicted: str) -> float:
    """Return the share of both trees' nodes that stay where they are, 0..1; 0.0 when one query cannot be parsed.

    Edits are those of sqlglot's diff (Change Distiller, Fluri et al. 2007): a node that is kept counts 2 of 2, one that
    is kept but moved 1 of 2, one that is changed 0 of 2, one removed or inserted 0 of 1. Upper and lower case, aliases
    of tables and results, and a table's name before a column where there is one table only, say nothing. Where a tree
    has more than MOST_NODES nodes, both are compared as bags of nodes, each with its parent: the time of diff grows
    with the product of their sizes.

    >>> tree_similarity("SELECT a FROM t", "select T1.A from t as T1"), tree_similarity("SELECT a FROM t", "no idea")
    (1.0, 0.0)
    >>> tree_similarity("SELECT a FROM t", "SELECT a FROM t LIMIT 1")
    0.8
    """
    try:
        left, right = _plain(gold), _plain(predicted)
        if left is None or right is None:
            return 0.0
        return 1.0 if left == right else _similarity(left, right)
    except RecursionError:
        return 0.0


def _similarity(left: "exp.Expr", right: "exp.Expr") -> float:
    from sqlglot.diff import Keep, Move, Update, diff

    bag, other_bag = _bag(left), _bag(right)
    if max(bag.total(), other_bag.total()) > MOST_NODES:
        return 2 * (bag & other_bag).total() / (bag.total() + other_bag.total())
    kept = total = 0
    for edit in diff(left.copy() if left is right else left, right, dialect="sqlite"):
        if isinstance(edit, Move):
            kept -= 1
        else:
            total += 2 if isinstance(edit, Keep | Update) else 1
            kept += 2 * isinstance(edit, Keep)
    return max(0, kept) / total


def _bag(tree: "exp.Expr") -> "Counter[tuple[str, str, str]]":
    """Each node but names, as its kind, its own text where it has one, and the kind of its parent."""
    from sqlglot import exp

    return Counter(
        (node.key, node.name if isinstance(node, exp.Column | exp.Literal | exp.Table) else "", _kind(node.parent))
        for node in tree.walk()
        if not isinstance(node, exp.Identifier)
    )


def _kind(node: "exp.Expr | None") -> str:
    return node.key if node is not None else ""


@lru_cache(maxsize=64)
def _plain(sql: str) -> "exp.Expr | None":
    """The tree with lower-case names, without aliases, and with a table's name only where there are several tables."""
    from sqlglot import exp

    shared = syntax(sql)
    if shared is None:
        return None
    tree = shared.copy()
    scopes: dict[int, tuple[dict[str, str], bool]] = {}
    for select in tree.find_all(exp.Select):
        read_from = [node for node, _ in sources(select)]
        tables = [node for node in read_from if isinstance(node, exp.Table)]
        names = [table.name.lower() for table in tables]
        if len(set(names)) == len(names):  # else the aliases tell the two roles of one table apart
            renamed = {table.alias_or_name.lower(): table.name.lower() for table in tables}
            scopes[id(select)] = renamed, len(read_from) == 1
            for table in tables:
                table.set("alias", None)
        for item in select.expressions:
            if isinstance(item, exp.Alias) and not isinstance(select.parent, exp.Subquery | exp.CTE):
                _unname(select, item)
    for column in list(tree.find_all(exp.Column)):
        name = column.this
        if column.table:
            _qualify(column, scopes)
        elif isinstance(name, exp.Identifier) and name.quoted:
            column.replace(exp.Literal.string(name.name))  # as most people mean "x" in SQLite
    for name in tree.find_all(exp.Identifier):
        name.set("this", name.this.lower())
        name.set("quoted", False)
    return tree


def _qualify(column: "exp.Column", scopes: dict[int, tuple[dict[str, str], bool]]) -> None:
    from sqlglot import exp

    table, select, own = column.table.lower(), column.find_ancestor(exp.Select), True
    while select is not None:
        renamed, single = scopes.get(id(select), ({}, False))
        if table in renamed:
            column.set("table", None if single and own else exp.to_identifier(renamed[table]))
            return
        select, own = select.find_ancestor(exp.Select), False


def _unname(select: "exp.Select", item: "exp.Alias") -> None:
    """Put what a result's name stands for in its place, in ORDER BY too."""
    from sqlglot import exp

    order = select.args.get("order")
    for term in order.expressions if order is not None else ():
        if isinstance(term.this, exp.Column) and not term.this.table and term.this.name.lower() == item.alias.lower():
            term.set("this", item.this.copy())
    item.replace(item.this)


def embedding_similarity(pairs: Sequence[tuple[str, str]], model: str, batch: int = 32) -> list[float]:
    """Return the cosine of two texts' sentence embeddings, -1..1, for each pair; it knows nothing of SQL.

    `model`: the name or folder of any model with an AutoModel; the mean over a text's tokens is its embedding. Raises
    DataError when it cannot be loaded.
    """
    texts = list(dict.fromkeys(text for pair in pairs for text in pair))
    if not texts:
        return []
    import torch
    from transformers import AutoModel, AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(model)
        encoder: Any = AutoModel.from_pretrained(model, torch_dtype=torch.float32).eval()
    except (OSError, ValueError, KeyError, ImportError) as error:
        why = str(error).strip().splitlines()[0]
        raise DataError(
            f"{model} cannot be used for embeddings ({why})", fix="name a sentence model or its folder"
        ) from None
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(0)
    longest = min(tokenizer.model_max_length, getattr(encoder.config, "max_position_embeddings", 512), 2048)
    vectors: dict[str, Any] = {}
    texts.sort(key=len)  # alike lengths share a batch
    with torch.inference_mode():
        for start in range(0, len(texts), batch):
            part = texts[start : start + batch]
            # a text without any token would have no mean
            given = tokenizer(
                [text or " " for text in part], padding=True, truncation=True, max_length=longest, return_tensors="pt"
            )
            states = encoder(input_ids=given["input_ids"], attention_mask=given["attention_mask"]).last_hidden_state
            mask = given["attention_mask"].unsqueeze(-1).to(states.dtype)
            mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
            vectors.update(zip(part, torch.nn.functional.normalize(mean, dim=-1), strict=True))
    return [float((vectors[gold] * vectors[predicted]).sum()) for gold, predicted in pairs]
