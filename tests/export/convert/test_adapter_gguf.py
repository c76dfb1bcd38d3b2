"""A LoRA GGUF is llama.cpp's own, adds what the merge adds, and refuses what it cannot hold."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.errors import DataError, RecipeError
from sql_llama.core.records import Message
from sql_llama.engines.llamacpp import load_llamacpp
from sql_llama.export.convert.adapter_gguf import adapter_gguf
from sql_llama.export.convert.convert import convert
from sql_llama.export.merge.merge import merge
from sql_llama.modelfiles.templates import family
from sql_llama.models.architecture import gguf_name, permute
from sql_llama.models.gguf_header import check_gguf

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:peft")  # it says what it saves beside an embedding
REFERENCE = os.environ.get("SQL_LLAMA_LLAMA_CPP", "")
reference = pytest.mark.skipif(
    not (REFERENCE and (Path(REFERENCE) / "convert_lora_to_gguf.py").is_file()),
    reason="SQL_LLAMA_LLAMA_CPP does not name a folder with llama.cpp's convert_lora_to_gguf.py",
)
CHATS = [[Message("user", f"How many singers are older than {n}? " + "singer " * (20 * n))] for n in range(6)]
Make = Callable[..., Any]


def by_llama_cpp(jobs: Sequence[tuple[Path, Path, str, Path]]) -> None:
    """Run the reference on each (base, adapter, type, out), all in one process: it is slow to start."""
    code = f"import runpy, sys\nsys.path.insert(0, {REFERENCE!r})\nsys.path.insert(1, {REFERENCE + '/gguf-py'!r})\n"
    for base, adapter, kind, out in jobs:
        arguments = ["x", str(adapter), "--base", str(base), "--outtype", kind.lower(), "--outfile", str(out)]
        script = REFERENCE + "/convert_lora_to_gguf.py"
        code += f"sys.argv = {arguments!r}\nrunpy.run_path({script!r}, run_name='__main__')\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def read(path: Path) -> tuple[dict[str, Any], dict[str, tuple[str, bytes]]]:
    """Keys (types and value) but for names, and tensors (type and bytes)."""
    from gguf import GGUFReader

    reader = GGUFReader(path)
    facts = {
        key: ([kind.name for kind in field.types], field.contents())
        for key, field in reader.fields.items()
        if not key.startswith(("general.name", "general.base_model.", "general.tags", "GGUF."))
    }
    return facts, {t.name: (f"{t.tensor_type.name} {t.shape}", t.data.tobytes()) for t in reader.tensors}


@reference
def test_it_is_what_llama_cpps_script_writes(
    tiny_base: Path, tiny_llama3: Path, tiny_adapter: Path, make_tiny_adapter: Make, tmp_path: Path
) -> None:
    make_tiny_adapter(tiny_llama3, tmp_path / "wide", r=32)
    make_tiny_adapter(tiny_llama3, tmp_path / "outside", target_modules=["embed_tokens", "lm_head", "q_proj"])
    jobs = [
        *((tiny_base, tiny_adapter, kind, tmp_path / f"{kind}.gguf") for kind in ("F32", "F16", "BF16", "Q8_0")),
        (tiny_llama3, tmp_path / "wide", "Q8_0", tmp_path / "wide.gguf"),
        (tiny_llama3, tmp_path / "outside", "F16", tmp_path / "outside.gguf"),
    ]
    by_llama_cpp(jobs)
    for base, adapter, kind, theirs in jobs:
        ours = adapter_gguf(base, adapter, tmp_path / "ours.gguf", outtype=kind)
        assert read(ours) == read(theirs), theirs


@reference
@pytest.mark.base
def test_the_real_starter_is_what_llama_cpps_script_writes(real_base: Path, tmp_path: Path) -> None:
    from sql_llama.train.start import starter

    by_llama_cpp([(real_base, starter(), "F16", tmp_path / "theirs.gguf")])
    assert read(adapter_gguf(real_base, starter(), tmp_path / "ours.gguf")) == read(tmp_path / "theirs.gguf")


@pytest.mark.parametrize(
    ("options", "alpha"),
    [
        ({}, 8.0),
        ({"r": 6, "lora_alpha": 7}, 7.0),
        ({"use_rslora": True}, 16.0),
        ({"rank_pattern": {"q_proj": 2}}, 8.0),
        ({"rank_pattern": {"q_proj": 1}, "use_rslora": True}, 16.0),
        ({"alpha_pattern": {"k_proj": 3, "down_proj": 0}}, 8.0),
        ({"alpha_pattern": {"k_proj": 3}, "rank_pattern": {"o_proj": 9}, "use_rslora": True}, 16.0),
    ],
    ids=str,
)
def test_llama_cpp_adds_what_the_merge_adds(
    options: dict[str, Any], alpha: float, tiny_base: Path, make_tiny_adapter: Make, tmp_path: Path
) -> None:
    """alpha over rank times b times a, in llama.cpp's layout, as src/llama-adapter.h computes it."""
    import numpy as np
    from gguf import GGUFReader

    make_tiny_adapter(tiny_base, tmp_path / "adapter", **options)
    file = adapter_gguf(tiny_base, tmp_path / "adapter", tmp_path / "x.gguf", outtype="F32")
    assert check_gguf(file)["adapter.lora.alpha"] == alpha
    parts = {tensor.name: tensor.data for tensor in GGUFReader(file).tensors}
    merged = {one.name: one.whole().numpy() for one in merge(tiny_base, tmp_path / "adapter")}
    changed = set()
    for before in merge(tiny_base, None):
        difference = merged[before.name] - before.whole().numpy()
        for rows, heads in (("q_proj", 4), ("k_proj", 2)):
            if f"{rows}.weight" in before.name:
                difference = permute(difference, heads)
        name = gguf_name(tiny_base, before.name)
        if f"{name}.lora_a" in parts:
            a, b = parts[f"{name}.lora_a"], parts[f"{name}.lora_b"]
            np.testing.assert_allclose(alpha / b.shape[1] * (b @ a), difference, atol=2e-6)
            changed.add(name)
        else:
            assert not difference.any()
    assert len(changed) == len(parts) / 2 == 14


def test_a_lora_of_embedding_and_head_answers_as_the_merged_file_does(
    tiny_llama3: Path, make_tiny_adapter: Make, tmp_path: Path
) -> None:
    make_tiny_adapter(tiny_llama3, tmp_path / "adapter", target_modules=["embed_tokens", "lm_head", "o_proj"])
    base = convert(tiny_llama3, tmp_path / "base.gguf", family("llama3"))
    lora = adapter_gguf(tiny_llama3, tmp_path / "adapter", tmp_path / "lora.gguf")
    merged = convert(tiny_llama3, tmp_path / "m.gguf", family("llama3"), merge(tiny_llama3, tmp_path / "adapter"))
    confident = []
    for path, adapter in ((base, lora), (merged, None), (base, None)):
        engine = load_llamacpp(path, adapter=adapter, num_ctx=1024, threads=1)
        confident.append([said.confidence for said in engine.answer_many(CHATS, max_tokens=1)])
        engine.close()
    assert confident[0] == pytest.approx(confident[1], rel=0.05)
    assert confident[0] != pytest.approx(confident[2], rel=0.2)


def test_it_says_what_it_is_told(tiny_base: Path, tiny_adapter: Path, tmp_path: Path) -> None:
    facts: dict[str, str | int | float] = {"sql_llama.recipe": "tiny", "sql_llama.rows": 7, "sql_llama.ex": 0.75}
    said = check_gguf(adapter_gguf(tiny_base, tiny_adapter, tmp_path / "x.gguf", name="mine", facts=facts))
    assert said["general.name"] == "mine" and facts.items() <= said.items()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"use_dora": True}, "DoRA's magnitude"),
        ({"modules_to_save": ["lm_head"]}, r"lm_head.weight has a whole trained matrix \(modules_to_save\)"),
        ({"modules_to_save": ["input_layernorm"]}, "input_layernorm.weight has a whole trained matrix"),
        ({"lora_bias": True}, "lora_B.bias"),
        ({"trainable_token_indices": [1, 2]}, "trained token rows"),
        ({"lora_alpha": 0}, "lora_alpha is 0"),
    ],
    ids=str,
)
def test_what_no_lora_gguf_holds_is_refused_by_name(
    options: dict[str, Any], says: str, tiny_llama3: Path, make_tiny_adapter: Make, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    make_tiny_adapter(tiny_llama3, tmp_path / "adapter", **options)
    file = tmp_path / "adapter" / "adapter_model.safetensors"
    if "modules_to_save" in options:  # trained, that is other than the base's
        save_file({key: value + 1 for key, value in load_file(file).items()}, file)
    with pytest.raises(DataError, match=says) as caught:
        adapter_gguf(tiny_llama3, tmp_path / "adapter", tmp_path / "out" / "x.gguf")
    assert caught.value.fix and not (tmp_path / "out").exists()


@pytest.mark.parametrize("module", ["embed_tokens", "lm_head"])
def test_a_tied_embedding_is_refused_because_llama_cpp_would_end_the_process(
    module: str, tiny_base: Path, make_tiny_adapter: Make, tmp_path: Path
) -> None:
    make_tiny_adapter(tiny_base, tmp_path / "adapter", target_modules=[module, "q_proj"])
    with pytest.raises(DataError, match=r"(embed_tokens|lm_head)\.weight has .*, which a LoRA GGUF cannot hold"):
        adapter_gguf(tiny_base, tmp_path / "adapter", tmp_path / "x.gguf")


def test_values_that_no_float16_holds_are_refused(tiny_base: Path, tiny_adapter: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(tiny_adapter, tmp_path / "adapter")
    tensors = load_file(folder / "adapter_model.safetensors")
    key = "base_model.model.model.layers.1.mlp.up_proj.lora_A.weight"
    for value, says in ((1e6, "beyond float16"), (float("nan"), "not finite")):
        tensors[key][0, 0] = value
        save_file(tensors, folder / "adapter_model.safetensors")
        with pytest.raises(DataError, match=rf"blk\.1\.ffn_up\.weight\.lora_a has values .*{says}"):
            adapter_gguf(tiny_base, folder, tmp_path / "x.gguf")
    assert not list(tmp_path.glob("*.gguf"))


def test_an_unknown_type_and_another_base_are_one_line(
    tiny_base: Path, tiny_adapter: Path, tmp_path: Path, make_tiny_adapter: Make
) -> None:
    with pytest.raises(RecipeError, match="Q4_K_M: not a type of an adapter file"):
        adapter_gguf(tiny_base, tiny_adapter, tmp_path / "x.gguf", outtype="Q4_K_M")
    folder = shutil.copytree(tiny_base, tmp_path / "base")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["GPT2LMHeadModel"]}))
    with pytest.raises(DataError, match="GPT2LMHeadModel"):
        adapter_gguf(folder, tiny_adapter, tmp_path / "x.gguf")
