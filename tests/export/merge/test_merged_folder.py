"""A merged folder is what transformers loads: the merge rounded once, with config and tokenizer that fit it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.errors import DataError, SqlLlamaError
from sql_llama.export.merge.merge import merge
from sql_llama.export.merge.merged_folder import merged_folder


def stored(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return {name: one for path in sorted(folder.glob("*.safetensors")) for name, one in load_file(path).items()}


def test_it_is_the_merge_rounded_once_to_the_bases_type(tiny_base: Path, tiny_adapter: Path, tmp_path: Path) -> None:
    import torch

    out = merged_folder(tiny_base, tiny_adapter, tmp_path / "merged")
    ours = stored(out)
    merged = list(merge(tiny_base, tiny_adapter))
    assert sorted(ours) == sorted(one.name for one in merged)
    for one in merged:
        assert ours[one.name].dtype == torch.float16
        assert torch.equal(ours[one.name], one.whole().to(torch.float16))


@pytest.mark.parametrize("limit", [1, 60_000, 10**9])
def test_transformers_loads_it_and_answers_as_peft_does(
    limit: int, tiny_base: Path, make_tiny_adapter: Callable[..., Any], tmp_path: Path
) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    trained = make_tiny_adapter(tiny_base, tmp_path / "adapter").eval()
    out = merged_folder(tiny_base, tmp_path / "adapter", tmp_path / "merged", max_shard_bytes=limit)
    shards = sorted(path.name for path in out.glob("*.safetensors"))
    assert shards[-1] == (
        "model.safetensors" if limit == 10**9 else f"model-{len(shards):05}-of-{len(shards):05}.safetensors"
    )
    assert len(shards) == {1: 20, 60_000: 4, 10**9: 1}[limit]
    model, report = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32, output_loading_info=True)
    assert not any(report.values())
    ids = AutoTokenizer.from_pretrained(out)("How many singers are there?", return_tensors="pt").input_ids
    assert torch.equal(
        ids, AutoTokenizer.from_pretrained(tiny_base)("How many singers are there?", return_tensors="pt").input_ids
    )
    with torch.no_grad():
        torch.testing.assert_close(model(ids).logits, trained(ids).logits, rtol=0.05, atol=0.05)


def test_all_that_belongs_to_a_model_goes_with_it(tiny_base: Path, tiny_adapter: Path, tmp_path: Path) -> None:
    base = Path(shutil.copytree(tiny_base, tmp_path / "base"))
    (base / "LICENSE").write_text("Do good.")
    (base / "README.md").write_text("about the base")
    out = merged_folder(base, tiny_adapter, tmp_path / "merged")
    wanted = {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert {path.name for path in out.iterdir()} == wanted | {"LICENSE"}
    assert json.loads((out / "config.json").read_text()) == json.loads((base / "config.json").read_text())


def test_the_template_of_the_training_takes_the_place_of_the_base_s(tiny_base: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    base = Path(shutil.copytree(tiny_base, tmp_path / "base"))
    (base / "chat_template.jinja").write_text("the base's own")
    out = merged_folder(base, None, tmp_path / "merged", template="{{ messages[0].content }}?")
    tokenizer: Any = AutoTokenizer.from_pretrained(out)
    assert tokenizer.apply_chat_template([{"role": "user", "content": "How many"}], tokenize=False) == "How many?"


def test_more_tokens_come_with_their_config_and_tokenizer(tiny_base: Path, tmp_path: Path) -> None:
    import warnings

    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    tokenizer.add_tokens(["<schema>"])
    model: Any = AutoModelForCausalLM.from_pretrained(tiny_base)
    size = model.config.vocab_size
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.resize_token_embeddings(size + 2)
        options = {"r": 4, "target_modules": ["q_proj"], "modules_to_save": ["lm_head"], "task_type": "CAUSAL_LM"}
        get_peft_model(model, LoraConfig(**options)).save_pretrained(tmp_path / "adapter")
    tokenizer.save_pretrained(tmp_path / "adapter")
    (tmp_path / "adapter" / "trainer_state.json").write_text("{}")
    out = merged_folder(tiny_base, tmp_path / "adapter", tmp_path / "merged")
    merged, report = AutoModelForCausalLM.from_pretrained(out, output_loading_info=True)
    assert not any(report.values())
    assert merged.config.vocab_size == size + 2 == merged.get_input_embeddings().weight.shape[0]
    added = AutoTokenizer.from_pretrained(out)("<schema>", add_special_tokens=False).input_ids
    assert added == [tokenizer.convert_tokens_to_ids("<schema>")]
    assert not (out / "trainer_state.json").exists()


def test_values_beyond_the_type_are_named(tiny_base: Path, tiny_adapter: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    adapter = Path(shutil.copytree(tiny_adapter, tmp_path / "adapter"))
    tensors = load_file(adapter / "adapter_model.safetensors")
    tensors["base_model.model.model.layers.1.mlp.up_proj.lora_A.weight"] *= 1e6
    save_file(tensors, adapter / "adapter_model.safetensors")
    with pytest.raises(DataError, match=r"layers\.1\.mlp\.up_proj\.weight has values beyond float16"):
        merged_folder(tiny_base, adapter, tmp_path / "merged")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adapter", "home"]


def test_a_base_without_a_tokenizer_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    base = Path(shutil.copytree(tiny_base, tmp_path / "base"))
    (base / "tokenizer.json").unlink()
    with pytest.raises(DataError, match=r"no tokenizer\.json and no tokenizer\.model"):
        merged_folder(base, None, tmp_path / "merged")


def test_an_earlier_model_is_replaced_and_nothing_else(tiny_base: Path, tiny_adapter: Path, tmp_path: Path) -> None:
    out = tmp_path / "merged"
    merged_folder(tiny_base, None, out, max_shard_bytes=60_000)
    merged_folder(tiny_base, tiny_adapter, out)
    assert [path.name for path in out.glob("*.safetensors*")] == ["model.safetensors"]
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("all my work")
    with pytest.raises(SqlLlamaError, match="holds files that are not a merged model"):
        merged_folder(tiny_base, None, mine)
    base = Path(shutil.copytree(tiny_base, tmp_path / "models" / "base"))
    for place in (base, base.parent, base / ".." / "base"):
        with pytest.raises(SqlLlamaError, match="is read from there"):
            merged_folder(base, None, place)
    with pytest.raises(SqlLlamaError, match="is a file"):
        merged_folder(tiny_base, None, mine / "thesis.txt")
    assert (mine / "thesis.txt").read_text() == "all my work"


def test_a_full_disk_is_seen_before(tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 1000))  # type: ignore[attr-defined]
    with pytest.raises(SqlLlamaError, match="the merged model needs"):
        merged_folder(tiny_base, None, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_killed_at_any_moment_it_leaves_the_old_folder_whole(
    tiny_base: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    out = merged_folder(tiny_base, None, tmp_path / "merged")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    script = (  # so slow that it is seen half written
        "import sys, time, sql_llama.export.merge.merged_folder as m\n"
        "from pathlib import Path\n"
        "fast = m._write_rows\n"
        "def slow(*args):\n    fast(*args); args[0].flush(); time.sleep(0.2)\n"
        "m._write_rows = slow\n"
        "m.merged_folder(*map(Path, sys.argv[1:]), max_shard_bytes=60_000)\n"
    )
    command = [sys.executable, "-c", script, str(tiny_base), str(tiny_adapter), str(out)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=dict(os.environ)) as process:
        while not list(tmp_path.glob(".merged.*/model-00002*")):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    merged_folder(tiny_base, tiny_adapter, out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} != before


def test_memory_does_not_grow_with_the_model(tiny_base: Path, tmp_path: Path) -> None:
    """A table of 400 MB goes through in much less."""
    import torch
    from safetensors.torch import save_file

    base = Path(shutil.copytree(tiny_base, tmp_path / "base"))
    rows = 200_000
    save_file(
        {"model.embed_tokens.weight": torch.full((rows, 1024), 0.5, dtype=torch.bfloat16)}, base / "model.safetensors"
    )
    script = (
        "import resource, sys, torch, safetensors, sql_llama.export.merge.merged_folder as m\n"
        "from pathlib import Path\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "m.merged_folder(Path(sys.argv[1]), None, Path(sys.argv[2]))\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)\n"
    )
    command = [sys.executable, "-c", script, str(base), str(tmp_path / "merged")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 150
    assert (tmp_path / "merged" / "model.safetensors").stat().st_size > 2 * rows * 1024
