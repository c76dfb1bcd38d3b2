"""Rows of a data set on the Hugging Face Hub, one by one, through `datasets`.

Loading scripts are no longer run: of a set that has one, the Parquet files that the Hub made of it are read. A set that
was fetched once is read from the cache without a network.
"""

import contextlib
import functools
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ...core.errors import DataError
from ...core.files import sha256, write_json
from ...core.recipe import Source

PATIENCE = 10.0  # seconds that the Hub may take for its first answer
PARQUET = "refs/convert/parquet"
"""The branch on which the Hub keeps each set as Parquet."""


def hub_rows(source: Source) -> Iterator[tuple[int, Any]]:
    """Yield the rows of `hub:OWNER/NAME` with their places from 1. Raises DataError in one line where it cannot."""
    data = _opened(source)
    try:
        yield from enumerate(data, 1)
    except (OSError, ValueError, RuntimeError) as error:
        raise _refusal(source, error) from None


def hub_stamp(source: Source, cache: Path, layout_of: Callable[[object], str]) -> tuple[str, str]:
    """Return the commit of a set, and the layout that its first row has.

    Both are kept in the cache folder: a set that cannot be asked now has what it had last, or "" and rows.
    """
    name = source.path.removeprefix("hub:")
    local = Path(name).exists()
    asked = "|".join((name, source.revision, source.subset, source.split, source.layout))
    kept = cache / "hub" / f"{hashlib.sha256(asked.encode()).hexdigest()[:24]}.json"
    known = {"commit": "", "layout": "rows"}
    with contextlib.suppress(OSError, ValueError):
        known |= json.loads(kept.read_text(encoding="utf-8"))
    try:
        commit = sha256(Path(name)) if local else _commit(name, source.revision)
        if commit == known["commit"]:
            return commit, known["layout"]
        layout = layout_of(next(hub_rows(source))[1]) if source.layout == "auto" else "rows"
    except Exception:  # of many kinds; reading the rows will say it in one line
        return known["commit"], known["layout"]
    if not local:
        write_json(kept, {"commit": commit, "layout": layout})
    return commit, layout


@functools.lru_cache(maxsize=64)
def _commit(name: str, revision: str) -> str:
    """Ask the Hub once in a process for the commit of a set: `datasets` would try for half a minute."""
    from huggingface_hub import HfApi

    return HfApi().dataset_info(name, revision=revision or None, timeout=PATIENCE).sha or ""


def _opened(source: Source) -> Any:
    import datasets

    name = source.path.removeprefix("hub:")
    if not Path(name).exists():
        try:
            _commit(name, source.revision)
        except Exception as error:  # of its own, of httpx, of the system
            raise _refusal(source, error) from None
    datasets.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    first = source.revision or None
    for revision in dict.fromkeys((first, first or PARQUET)):
        try:
            return datasets.load_dataset(
                name, source.subset or None, split=source.split, revision=revision, streaming=True
            )
        except RuntimeError as error:
            if "script" not in str(error) or revision == PARQUET:
                raise _refusal(source, error) from None
        except Exception as error:  # datasets and its clients raise errors of many kinds
            raise _refusal(source, error) from None
    raise _refusal(source, RuntimeError("it has a loading script, which is no longer run"))


def _refusal(source: Source, error: Exception) -> DataError:
    kind, said = type(error).__name__, " ".join(str(error).split())[:200]
    name = source.path.removeprefix("hub:")
    if "gated" in said.lower() or "401" in said or "403" in said:
        return DataError(
            f"{name}: the Hub does not give this data set to you", fix="accept its terms there, then set HF_TOKEN"
        )
    if kind == "OfflineModeIsEnabled":
        fix = "unset HF_HUB_OFFLINE, or download it elsewhere and give its folder as path"
        return DataError(f"{name}: cannot be read from the Hub: HF_HUB_OFFLINE is set", fix=fix)
    if "split" in said.lower() and "unknown" in said.lower():
        return DataError(f"{name}: has no split {source.split} ({said})", fix="correct split of that source")
    if "BuilderConfig" in said or "config name" in said.lower():
        return DataError(f"{name}: has no such subset ({said})", fix="set subset of that source")
    fix = "check the name, the network and HF_HUB_OFFLINE; or download it elsewhere and give its folder as path"
    return DataError(f"{name}: cannot be read from the Hub ({kind}: {said})", fix=fix)
