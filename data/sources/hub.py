"""Rows of a data set on the Hugging Face Hub, one by one, through `datasets`.

Loading scripts are no longer run: of a set that has one, the Parquet files that the Hub made of it are read. A set that
was fetched once is read from the cache without a network.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...core.errors import DataError
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


def _opened(source: Source) -> Any:
    import datasets

    name = source.path.removeprefix("hub:")
    if not Path(name).exists():
        _reach(source, name)
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


def _reach(source: Source, name: str) -> None:
    """Ask the Hub once whether the set is there: `datasets` would try for half a minute. Raises DataError."""
    from huggingface_hub import HfApi

    try:
        HfApi().dataset_info(name, revision=source.revision or None, timeout=PATIENCE)
    except Exception as error:  # of its own, of httpx, of the system
        raise _refusal(source, error) from None


def _refusal(source: Source, error: Exception) -> DataError:
    kind, said = type(error).__name__, " ".join(str(error).split())[:200]
    name = source.path.removeprefix("hub:")
    if "gated" in said.lower() or "401" in said or "403" in said:
        return DataError(
            f"{name}: the Hub does not give this data set to you", fix="accept its terms there, then set HF_TOKEN"
        )
    if "split" in said.lower() and "unknown" in said.lower():
        return DataError(f"{name}: has no split {source.split} ({said})", fix="correct split of that source")
    if "BuilderConfig" in said or "config name" in said.lower():
        return DataError(f"{name}: has no such subset ({said})", fix="set subset of that source")
    fix = "check the name, the network and HF_HUB_OFFLINE; or download it elsewhere and give its folder as path"
    return DataError(f"{name}: cannot be read from the Hub ({kind}: {said})", fix=fix)
