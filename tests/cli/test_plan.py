"""The command `plan`."""

import json

import pytest
from sql_llama.cli.main import run


def test_json_has_the_keys_that_scripts_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "spider-smollm2", "--gpu", "T4", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan.keys() >= {
        "parameters",
        "trainable",
        "vram_bytes",
        "fits",
        "batch",
        "micro_batch",
        "checkpointing",
        "packing",
    }
    assert list(plan["vram_bytes"]) == ["weights", "adapter", "optimizer", "activations", "logits", "total"]
    *parts, total = plan["vram_bytes"].values()
    assert sum(parts) == total > 0
    assert plan["parameters"] == 134_515_008 and plan["fits"] and plan["batch"] == 64


def test_people_read_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "spider-smollm2", "--gpu", "h200", "--set", "train.batch=auto"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "spider-smollm2 on NVIDIA H200"
    assert [line.split()[0] for line in lines[1:]] == ["base", "memory", "batch", "host", "time", "assumed"]
    assert "0.13 billion parameters" in lines[1] and "64 pairs a step" in lines[3]


def test_what_does_not_fit_names_ways_out(capsys: pytest.CaptureFixture[str]) -> None:
    sets = ["--set", "train.max_tokens=131072", "--set", "lora.r=1024", "--set", "train.batch=auto"]
    assert run(["plan", "spider-smollm2", "--gpu", "rtx3060", *sets, "--set", "train.dtype=float32"]) == 0
    assert "It does not fit. Ways out: --set train.max_tokens=65536" in capsys.readouterr().out


def test_an_unknown_card_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "spider-smollm2", "--gpu", "rtx9"]) == 2
    assert "Error: --gpu rtx9: not known" in capsys.readouterr().err
