"""An adapter saved as adapter_model.bin, PyTorch's own file: read without running anything in it, as safetensors."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.errors import DataError
from ...models.weight_files import refuse_pointer

if TYPE_CHECKING:
    import torch

BIN, WEIGHTS = "adapter_model.bin", "adapter_model.safetensors"
SAVE_AGAIN = f"save the adapter again with peft's save_pretrained, which writes {WEIGHTS}"


@contextlib.contextmanager
def in_safetensors(adapter: Path) -> Iterator[Path]:
    """The adapter's folder as it is or, of one that has its weights in a .bin alone, a temporary copy in safetensors.

    Raises DataError for a .bin that holds anything but tensors. Errors in the block speak of the user's own files.
    """
    if (adapter / WEIGHTS).is_file() or not (adapter / BIN).is_file():
        yield adapter
        return
    from safetensors.torch import save_file

    tensors = _tensors(adapter / BIN)
    with tempfile.TemporaryDirectory(prefix="sql-llama-adapter-") as scratch:
        copy = Path(scratch) / adapter.resolve().name
        copy.mkdir()
        for path in adapter.iterdir():
            if path.is_file() and path.name != BIN:
                shutil.copyfile(path, copy / path.name)
        # tensors may share memory in a .bin, which safetensors does not know
        save_file({name: tensor.clone().contiguous() for name, tensor in tensors.items()}, copy / WEIGHTS)
        try:
            yield copy
        except DataError as error:
            said = error.message.replace(str(copy / WEIGHTS), str(adapter / BIN)).replace(str(copy), str(adapter))
            raise DataError(said, fix=error.fix) from None


def _tensors(path: Path) -> "dict[str, torch.Tensor]":
    import pickle
    import warnings

    import torch

    refuse_pointer(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the file's pickle protocol
            found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        problem = "holds code, not only tensors" if _holds_code(path, str(error)) else "broken, or not PyTorch's"
        raise DataError(f"{path}: {problem}", fix=SAVE_AGAIN) from None
    except (OSError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError, RuntimeError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise DataError(f"{path}: cannot be read as weights alone ({said})", fix=SAVE_AGAIN) from None
    if not isinstance(found, dict) or not all(
        isinstance(name, str) and isinstance(tensor, torch.Tensor) for name, tensor in found.items()
    ):
        raise DataError(f"{path}: holds other things than tensors by name", fix=SAVE_AGAIN)
    for name, tensor in found.items():
        if tensor.layout != torch.strided or tensor.is_meta or tensor.is_quantized:
            kind = "without values" if tensor.is_meta else "quantized" if tensor.is_quantized else "sparse"
            raise DataError(f"{path}: {name} is {kind}, not a plain tensor", fix=SAVE_AGAIN)
    return found


def _holds_code(path: Path, said: str) -> bool:
    """Whether what PyTorch's reader stopped at would run something: PyTorch's own words tell how to let it."""
    if "Unsupported global" in said or "Unsupported class" in said:
        return True
    with path.open("rb") as file:
        return file.read(1) == b"\x80" and "Unsupported operand" in said  # a pickle outside of PyTorch's archive
