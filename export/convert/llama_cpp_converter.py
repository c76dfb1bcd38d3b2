"""A model of a family that our converter does not know, converted by the user's own llama.cpp checkout."""

import json
import math
import os
import re
import subprocess
import sys
import tempfile
from collections import deque
from pathlib import Path

from ...core.errors import DataError
from ...core.files import atomic, need_space
from ...core.progress import progress
from ...modelfiles.templates import Family
from ..merge.merge import merged_shapes

OUTTYPES = ("F32", "F16", "BF16", "Q8_0")
BYTES = {"F32": 4.0, "F16": 2.0, "BF16": 2.0, "Q8_0": 34 / 32}  # a weight
TEMPLATES = ("chat_template.jinja", "chat_template.json", "additional_chat_templates")  # as gguf's SpecialVocab reads


def convert_by_llama_cpp(
    folder: Path, out: Path, llama_cpp: Path, outtype: str = "F16", chat_family: Family | None = None
) -> Path:
    """Write `out`, a GGUF of a whole model `folder` (of `merged_folder`), by convert_hf_to_gguf.py of a checkout.

    The script runs with this Python, without network. With a chat family the file gets its template, and its setting
    for BOS; without one the script decides both. Raises DataError for a folder without the script, for a type that it
    does not write, and with its last line when it fails. `out` is whole or as it was.
    """
    script = llama_cpp / "convert_hf_to_gguf.py"
    if not script.is_file():
        raise DataError(f"{llama_cpp}: no convert_hf_to_gguf.py there", fix="give the folder of a llama.cpp checkout")
    if outtype not in OUTTYPES:
        raise DataError(f"{script} writes no {outtype}", fix=f"convert to one of {', '.join(OUTTYPES)}, then quantize")
    shapes = merged_shapes(folder, None)
    weights = sum(math.prod(shape) for shape in shapes.values())
    need_space(out, int(weights * BYTES[outtype]) + 2**25, f"writing {out.name}")
    with atomic(out) as temporary, tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch) / folder.resolve().name
        _dress(folder, model, chat_family)
        _run(script, model, temporary, outtype, len(shapes))
        if temporary.stat().st_size == 0:
            raise DataError(f"{script}: wrote nothing", fix="update the llama.cpp checkout")
        if chat_family:
            _set_bos(temporary, chat_family.bos)
    return out


def _dress(folder: Path, model: Path, chat_family: Family | None) -> None:
    """A copy of `folder` made of links, with our chat template where the script looks for one."""
    model.mkdir()
    for path in folder.resolve().iterdir():
        if not (chat_family and path.name in (*TEMPLATES, "tokenizer_config.json")):
            (model / path.name).symlink_to(path)
    if chat_family:
        config = folder / "tokenizer_config.json"
        facts = json.loads(config.read_text(encoding="utf-8")) if config.is_file() else {}
        facts["chat_template"] = chat_family.jinja
        (model / config.name).write_text(json.dumps(facts), encoding="utf-8")


def _run(script: Path, model: Path, out: Path, outtype: str, tensors: int) -> None:
    command = [sys.executable, str(script), str(model), "--outfile", str(out), "--outtype", outtype.lower()]
    last: deque[str] = deque(maxlen=40)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    try:
        assert process.stdout
        with process.stdout, progress("converting with llama.cpp", tensors, "tensors") as advance:
            left = tensors
            for line in process.stdout:
                last.append(line.strip())
                if " --> " in line and left:  # its line for each tensor
                    left -= 1
                    advance()
        code = process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if code:
        raise DataError(f"{script} failed: {_last_message(last)}", fix="update llama.cpp, or use a model that it knows")


def _last_message(lines: "deque[str]") -> str:
    """The last line with a letter in it, which is the error's own, without the logger's prefix."""
    texts = [line for line in lines if re.search("[A-Za-z]", line)]
    return re.sub(r"^(ERROR|WARNING|INFO):[\w.-]+:", "", texts[-1])[:300] if texts else "no message"


def _set_bos(path: Path, bos: bool) -> None:
    """Set whether the file wants BOS, as our prompts need it: one byte, where the script wrote the key."""
    from gguf import GGUFReader

    reader = GGUFReader(path, "r+")
    field = reader.get_field("tokenizer.ggml.add_bos_token")
    if field is not None and bool(field.contents()) != bos:
        field.parts[field.data[0]][0] = bos
        reader.data.flush()
