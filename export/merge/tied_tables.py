"""Embedding and lm_head, which are one table in many bases: whether an adapter keeps them one."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ...core.errors import DataError
from ...models.weight_files import Stored
from .change import AGAIN, HEAD, Change

ROWS_AT_ONCE = 4096  # when two tables are compared


def tie_tables(
    changes: Mapping[str, Change], embedding: str, parts: Mapping[str, Mapping[str, Stored]]
) -> tuple[dict[str, Change], bool]:
    """Return the changes of a base whose lm_head is its embedding, and whether it still is afterwards.

    Where it is, lm_head has no change; else its change starts from the embedding. An adapter that trained only one of
    the two parts them: the model in which it was trained computed with both. `parts` are the adapter's tensors by the
    base's names, `embedding` is the name of the embedding.
    """
    table, head = changes.get(embedding, Change()), changes.get(HEAD, Change())
    # a copy of the base's own table, which peft saves beside an adapter of it, is where both start from
    copy = parts.get(embedding, {}).get("base_layer") or parts.get(HEAD, {}).get("base_layer")
    table, head = (replace(change, whole=change.whole or copy) for change in (table, head))
    follows = HEAD not in changes and (table.tokens is not None or table == Change(copy))
    tied = follows or _same(table, head)
    result = {**changes, embedding: table, HEAD: Change() if tied else head}
    return {name: change for name, change in result.items() if change != Change()}, tied


def _same(table: Change, head: Change) -> bool:
    """Are the changes of an embedding and of lm_head the same numbers?"""
    if table.magnitude or head.magnitude or table.indices != head.indices:
        return False
    pairs = [(table.whole, head.whole), (table.tokens, head.tokens)]
    if table.is_embedding and head.a and head.b:
        if table.scale != head.scale:
            return False
        return all(_equal(*pair) for pair in pairs) and _mirrored(table, head)
    return not (table.a or head.a) and all(_equal(*pair) for pair in pairs)


def _equal(first: Stored | None, second: Stored | None) -> bool:
    import torch

    if first is None or second is None or first == second:
        return first == second
    if first.shape != second.shape:
        return False
    for start in range(0, first.shape[0], ROWS_AT_ONCE):
        stop = min(start + ROWS_AT_ONCE, first.shape[0])
        if not torch.equal(first.rows(start, stop), second.rows(start, stop)):
            return False
    return True


def _mirrored(table: Change, head: Change) -> bool:
    """Is b @ a of lm_head the transpose of that of the embedding, as peft makes it where it ties them?"""
    import torch

    assert table.a and table.b and head.a and head.b
    if table.a.shape != head.b.shape[::-1] or table.b.shape != head.a.shape[::-1]:
        return False
    return torch.equal(table.a.whole().T, head.b.whole()) and torch.equal(table.b.whole().T, head.a.whole())


def check_sizes(
    folder: Path, changes: Mapping[str, Change], base: Mapping[str, tuple[int, ...]], embedding: str, tied: bool
) -> None:
    """Raise DataError when embedding and lm_head have different numbers of rows after the changes."""
    if not embedding or tied or HEAD not in base:
        return
    sizes = []
    for name in (embedding, HEAD):
        whole = changes.get(name, Change()).whole
        sizes.append((whole.shape if whole else base[name])[0])
    if sizes[0] != sizes[1]:
        raise DataError(
            f"{folder / 'adapter_model.safetensors'}: {embedding} has {sizes[0]} rows and {HEAD} {sizes[1]}", fix=AGAIN
        )
