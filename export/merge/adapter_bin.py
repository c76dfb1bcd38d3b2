"""An adapter saved as adapter_model.bin, PyTorch's own format: read without running any code that is in it."""

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
    """Yield the adapter's folder or, when its weights are in a .bin alone, a temporary copy with safetensors.

    Raises DataError for a .bin that holds anything but tensors. An error in the block names the user's own files.
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
            message = error.message.replace(str(copy / WEIGHTS), str(adapter / BIN)).replace(str(copy), str(adapter))
            raise DataError(message, fix=error.fix) from None


def _tensors(path: Path) -> "dict[str, torch.Tensor]":
    import pickle
    import warnings

    import torch

    refuse_pointer(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the file's pickle protocol
            tensors = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        problem = "holds code, not only tensors" if _holds_code(path, str(error)) else "broken, or not PyTorch's"
        raise DataError(f"{path}: {problem}", fix=SAVE_AGAIN) from None
    except (OSError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError, RuntimeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise DataError(f"{path}: cannot be read as weights alone ({reason})", fix=SAVE_AGAIN) from None
    if not isinstance(tensors, dict) or not all(
        isinstance(name, str) and isinstance(tensor, torch.Tensor) for name, tensor in tensors.items()
    ):
        raise DataError(f"{path}: holds more than named tensors", fix=SAVE_AGAIN)
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.is_meta or tensor.is_quantized:
            kind = "without values" if tensor.is_meta else "quantized" if tensor.is_quantized else "sparse"
            raise DataError(f"{path}: {name} is {kind}, not a plain tensor", fix=SAVE_AGAIN)
    return tensors


def _holds_code(path: Path, message: str) -> bool:
    """Whether PyTorch's reader stopped at something that would run code; PyTorch has one class for all its refusals."""
    if "Unsupported global" in message or "Unsupported class" in message:
        return True
    with path.open("rb") as file:
        return file.read(1) == b"\x80" and "Unsupported operand" in message  # a pickle outside of PyTorch's archive
