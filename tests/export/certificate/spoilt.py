"""Spoilt files, each a good one that something happened to, and what a certificate says of them."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sql_llama.export.certificate.certificate import Certificate
from sql_llama.modelfiles.templates import family
from sql_llama.models.gguf_header import read_gguf


def verdicts(certificate: Certificate) -> dict[str, str]:
    return {check.name: check.verdict for check in certificate.checks}


def failing(certificate: Certificate) -> list[str]:
    return [check.name for check in certificate.checks if check.verdict == "fail"]


def rewritten(path: Path, **changes: Any) -> Path:
    """The file with other metadata (`eos_token_id`, `tokens`, ... of tokenizer.ggml, or `chat_template`)."""
    from gguf import GGUFReader, GGUFWriter

    reader = GGUFReader(path)
    out = path.with_name("spoilt.gguf")
    writer = GGUFWriter(out, "llama")
    for key, field in reader.fields.items():
        short = key.removeprefix("tokenizer.ggml.").removeprefix("tokenizer.")
        if key.startswith("GGUF.") or key == "general.architecture":
            continue
        value = changes.get(short, field.contents())
        kind, sub = field.types[0], field.types[-1] if len(field.types) > 1 else None
        writer.add_key_value(key, value, kind, sub_type=sub)
    writer.add_string("sql_llama.family", family("chatml").name)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return out


def overwritten(path: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """The file with other weights: `change` gets each tensor's name and bytes."""
    out = path.with_name("spoilt.gguf")
    shutil.copyfile(path, out)
    with out.open("r+b") as file:
        for tensor in read_gguf(path).tensors:
            file.seek(tensor.offset)
            data = change(tensor.name, file.read(tensor.bytes))
            file.seek(tensor.offset)
            file.write(data)
    return out
