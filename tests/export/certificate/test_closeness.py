"""A file whose weights are not those of the merged model is noticed."""

import json
import shutil
from pathlib import Path

import pytest
from sql_llama.export.certificate.answers import answers
from sql_llama.export.certificate.certificate import render_certificate
from sql_llama.export.certificate.certify import certify
from sql_llama.export.certificate.closeness import closeness_of_file
from sql_llama.export.certificate.reference import Reference, reference
from sql_llama.export.convert.convert import convert
from sql_llama.export.merge.merge import merge
from sql_llama.modelfiles.templates import family
from sql_llama.models.gguf_header import read_gguf
from sql_llama.train.start import starter

from .spoilt import failing, overwritten


def test_a_zeroed_layer_is_noticed(tiny_base: Path, lively_reference: Reference, tmp_path: Path) -> None:
    path = convert(tiny_base, tmp_path / "x.gguf", family("chatml"))
    spoilt = overwritten(path, lambda name, data: bytes(len(data)) if name.startswith("blk.1.") else data)
    assert failing(certify(spoilt, tiny_base, reference=lively_reference, threads=1)) == [
        "stops",  # as this base always does
        "weights",
        "divergence",
    ]


def test_a_bias_may_be_all_zeros(tiny_stopping_base: Path, tmp_path: Path) -> None:
    """As it is in a Llama with attention_bias whose training began with none and changed the matrices alone."""
    import torch
    from safetensors.torch import load_file, save_file

    base = shutil.copytree(tiny_stopping_base, tmp_path / "base")
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**config, "attention_bias": True}))
    tensors = load_file(base / "model.safetensors")
    matrices = {name: tensor for name, tensor in tensors.items() if ".self_attn." in name}
    zeros = {name.replace("weight", "bias"): torch.zeros(len(tensor)) for name, tensor in matrices.items()}
    save_file({**tensors, **zeros}, base / "model.safetensors", metadata={"format": "pt"})
    path = convert(base, tmp_path / "x.gguf", family("chatml"))
    assert "blk.0.attn_q.bias" in {tensor.name for tensor in read_gguf(path).tensors}
    assert certify(path, base, threads=1).passed


def test_a_value_that_is_not_a_number_is_noticed(stopping: Path, stopping_reference: Reference) -> None:
    spoilt = overwritten(stopping, lambda name, data: b"\0\x7e" + data[2:] if name == "output.weight" else data)
    certificate = certify(spoilt, None, reference=stopping_reference, threads=1)
    assert {"weights", "divergence"} <= set(failing(certificate))
    assert "output.weight has values that are not finite" in render_certificate(certificate)


def test_queries_that_were_not_put_in_order_are_noticed(
    tiny_base: Path, lively_reference: Reference, tmp_path: Path
) -> None:
    """q and k as Hugging Face orders their rows, where llama.cpp wants them otherwise: nothing else shows it."""
    import numpy as np

    def undone(name: str, data: bytes) -> bytes:
        heads = 4 if ".attn_q." in name else 2 if ".attn_k." in name else 0
        if not heads:
            return data
        rows = np.frombuffer(data, np.float16).reshape(heads, -1, 2, 64)
        return rows.swapaxes(1, 2).tobytes()

    path = convert(tiny_base, tmp_path / "x.gguf", family("chatml"))
    assert failing(certify(path, tiny_base, reference=lively_reference, threads=1)) == ["stops"]
    spoilt = overwritten(path, undone)
    assert failing(certify(spoilt, tiny_base, reference=lively_reference, threads=1)) == ["stops", "divergence"]


def test_another_adapter_is_noticed(tiny_base: Path, tiny_adapter: Path, tmp_path: Path) -> None:
    """The file of the untuned base, in the place of the tuned one."""
    tuned = reference(tiny_base, merge(tiny_base, tiny_adapter), answers(tiny_base, family("chatml"), count=4))
    path = convert(tiny_base, tmp_path / "x.gguf", family("chatml"))
    assert "divergence" in failing(certify(path, tiny_base, reference=tuned, threads=1))


@pytest.mark.base
def test_the_starter_is_near_and_spoilt_it_is_not(starter_run: Path, real_base: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    shutil.copyfile(next((starter_run / "gguf").glob("*.gguf")), path)
    asked = answers(real_base, family("chatml"), count=6)
    merged = reference(real_base, merge(real_base, starter(), merge_base="nf4", dtype="bfloat16"), asked)
    good = closeness_of_file(path, merged)
    assert good.verdict == "pass", good
    assert good.numbers["top1"] > 0.9 and good.numbers["perplexity"] < 3
    zeroed = overwritten(path, lambda name, data: bytes(len(data)) if name.startswith("blk.0.") else data)
    assert closeness_of_file(zeroed, merged).verdict == "fail"
