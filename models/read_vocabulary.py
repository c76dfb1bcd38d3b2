"""The tokenizer of a model folder in Hugging Face layout to GGUF's vocabulary, whichever of the known kinds it is."""

from pathlib import Path

from ..core.errors import DataError
from .byte_level import byte_level_vocabulary
from .sentencepiece_bpe import merges_vocabulary, pieces_vocabulary
from .tokenizer_files import broken, built_tokenizer
from .vocabulary import Vocabulary


def read_vocabulary(base: Path, size: int) -> Vocabulary:
    """Return the tokenizer of a model folder, padded to `size` ids, the rows of the embedding.

    Raises DataError for a tokenizer that is missing, broken or larger than the embedding, and for one whose text
    llama.cpp would split in another way than transformers.
    """
    has_model = (base / "tokenizer.model").is_file()
    if not (base / "tokenizer.json").is_file():
        if not has_model:
            raise DataError(f"{base}: has neither tokenizer.json nor tokenizer.model", fix="get the base again")
        return pieces_vocabulary(base, size, None)
    path = base / "tokenizer.json"
    tokenizer = built_tokenizer(path)
    try:
        if tokenizer["model"]["type"] == "BPE" and tokenizer["model"].get("byte_fallback"):
            return pieces_vocabulary(base, size, tokenizer) if has_model else merges_vocabulary(base, size, tokenizer)
        return byte_level_vocabulary(base, size, tokenizer)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise broken(path, error) from None
