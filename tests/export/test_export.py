"""An export makes the files that ship, once; a killed one goes on where it was."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sql_llama.cli.main import run as sql_llama
from sql_llama.core.errors import DataError, RecipeError, SqlLlamaError
from sql_llama.core.recipe import Base, Export, Recipe, render_recipe
from sql_llama.core.run import Run, create_run
from sql_llama.evals.pick import Picked
from sql_llama.export import export as stages
from sql_llama.export import gguf_files
from sql_llama.export.certificate.reference import Reference
from sql_llama.export.export import Exported, export_adapter, export_run
from sql_llama.export.plan import Judges, Options
from sql_llama.models.gguf_header import check_gguf, read_gguf
from sql_llama.prompts.messages import SYSTEM_PROMPT

if TYPE_CHECKING:
    from conftest import OllamaServer


def exported(base: Path, adapter: Path, out: Path, *, name: str = "sql-llama", **options: Any) -> Exported:
    plain = Options(**{"importance": False, "verify": False, **options})
    return export_adapter(base, adapter, out, plain, merge_base="base", name=name)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What an export really did, stage by stage."""
    done: list[str] = []
    for module, name in ((gguf_files, "convert_all"), (gguf_files, "importance"), (stages, "certify")):
        original = getattr(module, name)

        def counted(*args: Any, _original: Any = original, _name: str = name, **options: Any) -> Any:
            done.append(_name)
            return _original(*args, **options)

        monkeypatch.setattr(module, name, counted)
    return done


def test_an_export_leaves_its_files_and_no_others(tiny_stopping_base: Path, tiny_adapter: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = exported(tiny_stopping_base, tiny_adapter, out, verify=True)
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()) == [
        "Modelfile",
        "certificate.json",
        "certificate.md",
        "gguf/sql-llama-Q4_K_M.gguf",
        "gguf/sql-llama-Q8_0.gguf",
        "manifest.json",
        "recipe.toml",
    ]
    assert [check_gguf(path)["general.file_type"] for path in result.gguf] == [15, 7]
    assert result.modelfile.read_text().startswith("FROM ./gguf/sql-llama-Q4_K_M.gguf\n")
    assert result.certificate is not None and result.certificate.passed
    assert result.notes == (stages.HOW_TO_GET_ONE,)
    assert set(Run(out).manifest()["stages"]) == {"quantize Q4_K_M", "quantize Q8_0", "certify"}


def test_a_second_export_does_nothing_and_another_type_only_that(
    tiny_stopping_base: Path, tiny_adapter: Path, tmp_path: Path, work: list[str]
) -> None:
    args = tiny_stopping_base, tiny_adapter, tmp_path / "out"
    for _ in range(2):
        exported(*args, quants=["Q8_0"], verify=True)
        assert work == ["convert_all", "certify"]
    exported(*args, quants=["Q8_0", "F16"], verify=True)
    assert work == ["convert_all", "certify", "convert_all"]
    assert (tmp_path / "out" / "gguf" / "sql-llama-F16.gguf").is_file()
    (tmp_path / "out" / "gguf" / "sql-llama-Q8_0.gguf").unlink()
    exported(*args, quants=["Q8_0", "F16"], verify=True)
    assert work[3:] == ["convert_all"]


def test_a_changed_adapter_is_exported_anew(
    tiny_stopping_base: Path, tiny_adapter: Path, make_tiny_adapter: Any, tmp_path: Path, work: list[str]
) -> None:
    adapter = tmp_path / "adapter"
    shutil.copytree(tiny_adapter, adapter)
    first = exported(tiny_stopping_base, adapter, tmp_path / "out", quants=["Q8_0"]).gguf[0].read_bytes()
    shutil.rmtree(adapter)
    make_tiny_adapter(tiny_stopping_base, adapter, r=2)
    assert exported(tiny_stopping_base, adapter, tmp_path / "out", quants=["Q8_0"]).gguf[0].read_bytes() != first
    assert work == ["convert_all"] * 2


def test_an_export_killed_while_writing_goes_on_there(
    tiny_stopping_base: Path, tiny_adapter: Path, tmp_path: Path, work: list[str]
) -> None:
    out = tmp_path / "out"
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom sql_llama.export import export, gguf_files, plan\n"
        "whole = gguf_files.convert_all\n"
        "def killed(base, outs, *args, **options):\n"
        "    if 'Q4_K_M' not in outs:\n"
        "        return whole(base, outs, *args, **options)\n"
        "    outs['Q4_K_M'].with_name('.sql-llama-Q4_K_M.gguf.half.gguf').write_bytes(b'half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "gguf_files.convert_all = killed\n"
        "export.export_adapter(*map(Path, sys.argv[1:]), plan.Options(importance=False), merge_base='base')"
    )
    command = [sys.executable, "-c", code, str(tiny_stopping_base), str(tiny_adapter), str(out)]
    assert subprocess.run(command, capture_output=True).returncode == -signal.SIGKILL
    assert list(Run(out).manifest()["stages"]) == ["quantize Q8_0"]
    exported(tiny_stopping_base, tiny_adapter, out)
    assert work == ["convert_all"]
    assert sorted(path.name for path in (out / "gguf").iterdir()) == ["sql-llama-Q4_K_M.gguf", "sql-llama-Q8_0.gguf"]


def test_an_export_killed_at_every_stage_ends_with_the_same_files(
    tiny_stopping_base: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    """Each process ends with kill -9 when it comes to its stage, and the next one goes on from there."""
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom sql_llama.export import export, gguf_files, plan\n"
        "at, *paths = sys.argv[1:]\n"
        "name, left = at.split()[0], at.count(' ')\n"
        "module = gguf_files if hasattr(gguf_files, name) else export\n"
        "whole = getattr(module, name)\n"
        "def killed(*args, **options):\n"
        "    global left\n"
        "    left -= 1\n"
        "    if left < 0:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return whole(*args, **options)\n"
        "setattr(module, name, killed)\n"
        "export.export_adapter(*map(Path, paths), plan.Options(quants=['Q4_K_M']), merge_base='base')"
    )
    out = tmp_path / "killed"
    for at in ("convert_all", "importance", "convert_all again", "certify", "write_certificate"):
        command = [sys.executable, "-c", code, at, str(tiny_stopping_base), str(tiny_adapter), str(out)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == -signal.SIGKILL, (at, done.stderr[-2000:])

    def files(folder: Path) -> dict[str, bytes]:
        made = [path for path in folder.rglob("*") if path.is_file() and path.suffix in (".gguf", "")]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in made}

    options = {"quants": ["Q4_K_M"], "importance": True, "verify": True}
    for folder in (out, tmp_path / "whole"):
        exported(tiny_stopping_base, tiny_adapter, folder, **options)
    assert files(out) == files(tmp_path / "whole")
    assert set(files(out)) == {"Modelfile", "gguf/sql-llama-Q4_K_M.gguf", "imatrix.gguf"}


def test_tokens_that_an_adapter_added_are_in_the_file(
    tiny_stopping_base: Path, make_tiny_adapter: Any, tmp_path: Path
) -> None:
    """Its folder has the tokenizer of the embedding that it resized."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_stopping_base)
    grown, adapter = tmp_path / "grown", tmp_path / "adapter"
    added = tokenizer.add_tokens(["<schema>", "<answer>"])
    model = AutoModelForCausalLM.from_pretrained(tiny_stopping_base)
    rows = model.get_input_embeddings().weight.shape[0] + added
    model.resize_token_embeddings(rows, mean_resizing=False)
    model.save_pretrained(grown)
    tokenizer.save_pretrained(grown)
    make_tiny_adapter(grown, adapter, modules_to_save=["embed_tokens", "lm_head"])
    tokenizer.save_pretrained(adapter)
    facts = check_gguf(exported(tiny_stopping_base, adapter, tmp_path / "out", quants=["F16"]).gguf[0])
    tokens = facts["tokenizer.ggml.tokens"]
    assert len(tokens) == rows
    assert [tokens[number] for number in tokenizer.convert_tokens_to_ids(["<schema>", "<answer>"])] == [
        "<schema>",
        "<answer>",
    ]


def test_an_importance_matrix_of_the_runs_prompts_is_made_once_and_used(
    tiny_stopping_base: Path, tiny_adapter: Path, tmp_path: Path, work: list[str]
) -> None:
    args = tiny_stopping_base, tiny_adapter, tmp_path / "out"
    path = exported(*args, quants=["Q4_K_M"], importance=True).gguf[0]
    assert work == ["convert_all", "importance", "convert_all"]
    assert check_gguf(path)["quantize.imatrix.file"] == "imatrix.gguf"
    exported(*args, quants=["Q4_K_M", "Q3_K_M"], importance=True)
    assert work[3:] == ["convert_all"]
    given = tmp_path / "mine.gguf"
    shutil.copy(tmp_path / "out" / "imatrix.gguf", given)
    path = exported(*args[:2], tmp_path / "other", quants=["Q4_K_M"], imatrix=given).gguf[0]
    assert check_gguf(path)["quantize.imatrix.file"] == "mine.gguf"
    assert not (tmp_path / "other" / "imatrix.gguf").exists()


def test_a_pattern_changes_the_type_of_the_tensors_that_it_finds(
    tiny_stopping_base: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    types = {
        tensor.name: tensor.kind
        for tensor in read_gguf(
            exported(
                tiny_stopping_base, tiny_adapter, tmp_path / "out", quants=["Q4_0"], overrides={"attn_v": "Q8_0"}
            ).gguf[0]
        ).tensors
    }
    assert types["blk.0.attn_v.weight"] == "Q8_0"
    assert types["blk.0.attn_q.weight"] == "Q4_0"


def test_such_a_type_is_rounded_with_the_importance_matrix_in_a_file_of_any_type(
    tiny_stopping_base: Path, tiny_adapter: Path, tmp_path: Path, work: list[str]
) -> None:
    options = {"quants": ["Q8_0"], "overrides": {"attn_v": "Q4_0"}, "importance": True}
    path = exported(tiny_stopping_base, tiny_adapter, tmp_path / "out", **options).gguf[0]
    assert check_gguf(path)["quantize.imatrix.file"] == "imatrix.gguf"
    assert work == ["convert_all", "importance", "convert_all"]


@pytest.mark.parametrize(
    ("pattern", "quant", "says"),
    [("ffn_sideways", "Q4_0", "matches no tensor"), ("(", "Q4_0", "not a pattern"), ("attn_v", "F16", "are floats")],
)
def test_a_pattern_that_would_change_nothing_is_refused(
    pattern: str, quant: str, says: str, tiny_stopping_base: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=says):
        exported(tiny_stopping_base, tiny_adapter, tmp_path / "out", quants=[quant], overrides={pattern: "Q8_0"})
    assert not (tmp_path / "out").exists()


def test_an_adapter_that_no_gguf_holds_is_refused_before_the_work(
    tiny_stopping_base: Path, make_tiny_adapter: Any, tmp_path: Path, work: list[str]
) -> None:
    make_tiny_adapter(tiny_stopping_base, tmp_path / "dora", use_dora=True)
    with pytest.raises(DataError, match="DoRA"):
        exported(tiny_stopping_base, tmp_path / "dora", tmp_path / "out", quants=["Q8_0"], adapter_gguf=True)
    assert work == [] and not (tmp_path / "out").exists()


def test_the_merged_folder_and_the_adapter_come_too_when_asked(
    tiny_stopping_base: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = exported(tiny_stopping_base, tiny_adapter, out, quants=["Q8_0"], merged=True, adapter_gguf=True)
    assert result.extras == (out / "merged", out / "gguf" / "sql-llama-lora-F16.gguf")
    assert (out / "merged" / "model.safetensors").is_file() and (out / "merged" / "tokenizer.json").is_file()
    assert check_gguf(result.extras[1])["general.type"] == "adapter"


def test_a_database_can_stand_in_the_modelfile_with_answered_questions_about_it(
    tiny_stopping_base: Path, tiny_adapter: Path, tmp_path: Path, pets: Path
) -> None:
    options = {"quants": ["Q8_0"], "schema_from": str(pets), "examples": 2}
    text = exported(tiny_stopping_base, tiny_adapter, tmp_path / "out", **options).modelfile.read_text()
    assert "owners.city text" in text
    assert text.count("MESSAGE user ") == text.count("MESSAGE assistant ") == 2


def test_an_export_that_fails_its_checks_is_an_error_that_says_which(
    tiny_base: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    with pytest.raises(SqlLlamaError, match=r"certificate\.md: .* fails its checks \(stops: \d of 20"):
        exported(tiny_base, tiny_adapter, tmp_path / "out", quants=["Q8_0"], verify=True)
    assert json.loads((tmp_path / "out" / "certificate.json").read_text())["verdict"] == "fail"
    result = exported(tiny_base, tiny_adapter, tmp_path / "out", quants=["Q8_0"], verify=False)
    assert result.certificate is None
    assert result.notes[0] == f"This file has not been checked yet. To check it: sql-llama verify {tmp_path / 'out'}"


@pytest.mark.parametrize(
    ("options", "says"),
    [({"quants": ["Q4_X"]}, "not a GGUF type"), ({"name": "Bad Name"}, "cannot be a name in Ollama")],
)
def test_a_mistake_is_told_before_anything_is_made(
    options: dict[str, Any], says: str, tiny_base: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=says):
        exported(tiny_base, tiny_adapter, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_folder_without_an_adapter_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no adapter there"):
        exported(tiny_base, tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


# --- a run, and the commands


@pytest.fixture
def trained(tiny_stopping_base: Path, tiny_adapter: Path, tmp_path: Path) -> Run:
    """A run directory as training leaves it."""
    recipe = Recipe(name="tiny", base=Base(model=str(tiny_stopping_base)), export=Export(name="tiny", quants=("Q8_0",)))
    run = create_run(tmp_path / "home" / "runs" / "one", recipe.name, render_recipe(recipe))
    shutil.copytree(tiny_adapter, run.adapter)
    run.finish("train", {}, [run.adapter], 1.0, dtype="float32")
    return run


def test_a_run_is_exported_over_the_nf4_weights_of_its_own_dtype(
    trained: Run, monkeypatch: pytest.MonkeyPatch, tiny_stopping_base: Path
) -> None:
    seen: list[dict[str, Any]] = []
    original = gguf_files.merge

    def merge(*args: Any, **options: Any) -> Any:
        seen.append(options)
        return original(*args, **options)

    monkeypatch.setattr(gguf_files, "merge", merge)
    recipe = Recipe(name="tiny", base=Base(model=str(tiny_stopping_base)), export=Export(name="tiny"))
    export_run(trained, recipe, Options(quants=["Q8_0"], verify=False))
    assert seen == [{"merge_base": "nf4", "dtype": "float32"}]
    assert trained.merge_base() == "nf4"


@pytest.mark.parametrize("better", ["nf4", "base"])
def test_the_ground_that_the_judge_prefers_is_the_one_that_ships(
    trained: Run, tiny_stopping_base: Path, better: str, work: list[str]
) -> None:
    asked: list[dict[str, bytes]] = []

    def judge(run: Run, files: Mapping[str, Path]) -> Any:
        asked.append({ground: path.read_bytes() for ground, path in files.items()})
        return Picked("ground", better, "", ())

    recipe = Recipe(name="tiny", base=Base(model=str(tiny_stopping_base)), export=Export(name="tiny"))
    options, judges = Options(quants=["Q8_0"], verify=False), Judges(merge_base=judge)
    for _ in range(2):  # the second time it is known
        result = export_run(trained, recipe, options, judges)
        assert [path.name for path in trained.gguf.iterdir()] == ["tiny-Q8_0.gguf"]
        assert result.gguf[0].read_bytes() == asked[0][better]
        assert trained.merge_base() == better
    assert asked[0]["nf4"] != asked[0]["base"]
    assert len(asked) == 1 and work == ["convert_all", "convert_all"]


def test_auto_ships_the_type_that_the_judge_takes(trained: Run, tiny_stopping_base: Path, work: list[str]) -> None:
    offered: list[list[str]] = []

    def judge(run: Run, files: Mapping[str, Path], reference: Reference) -> Any:
        offered.append(list(files))
        return Picked("quant", "Q5_K_M", "", ())

    recipe = Recipe(
        name="tiny",
        base=Base(model=str(tiny_stopping_base)),
        export=Export(name="tiny", ground="nf4", quants=("auto",)),
    )
    for _ in range(2):
        result = export_run(trained, recipe, Options(verify=False, importance=False), Judges(quant=judge))
        assert [path.name for path in result.gguf] == [path.name for path in trained.gguf.iterdir()]
        assert result.gguf[0].name == "tiny-Q5_K_M.gguf"
        assert result.modelfile.read_text().startswith("FROM ./gguf/tiny-Q5_K_M.gguf\n")
    assert offered == [list(gguf_files.CANDIDATES)]
    assert work == ["convert_all", "convert_all"]  # types without an importance matrix, and those with
    with pytest.raises(RecipeError, match="has to evaluate the files"):
        export_run(trained, recipe, Options(verify=False, importance=False), Judges())


def test_a_run_that_is_not_trained_says_how_to_train_it(tmp_path: Path, tiny_base: Path) -> None:
    recipe = Recipe(name="tiny", base=Base(model=str(tiny_base)))
    run = create_run(tmp_path / "run", "tiny", render_recipe(recipe))
    with pytest.raises(DataError, match="not trained to the end") as caught:
        export_run(run, recipe)
    assert caught.value.fix == f"sql-llama train tiny --run {tmp_path / 'run'}"


def test_a_run_is_not_exported_over_another_base(trained: Run, tiny_base: Path) -> None:
    trained.finish("train", {"base": "another"}, [trained.adapter], 1.0)
    with pytest.raises(DataError, match="has changed since the training"):
        export_run(trained, Recipe(name="tiny", base=Base(model=str(tiny_base))))


def test_a_full_disk_is_told_before_the_work(
    tiny_base: Path, tiny_adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("sql_llama.core.files.shutil.disk_usage", lambda path: usage)
    with pytest.raises(SqlLlamaError, match=r"writing Q8_0 \(\d+ MiB\) needs"):
        exported(tiny_base, tiny_adapter, tmp_path / "out", quants=["Q8_0"])
    assert not (tmp_path / "out").exists()


def test_the_commands_export_and_verify_the_latest_run(trained: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert sql_llama(["export", "--no-gate"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith(f"{trained.gguf / 'tiny-Q8_0.gguf'}: ")
    assert "pass tokens: 50 of 50 prompts have the same token ids in Hugging Face and llama.cpp" in told
    assert told[-1] == "Next: sql-llama chat"
    assert sql_llama(["verify", str(trained.path)]) == 0
    assert "| files | pass | 1 of 1 files are unchanged since the export |" in capsys.readouterr().out
    assert sql_llama(["verify", str(trained.path), "--json"]) == 0
    certificate = json.loads(capsys.readouterr().out)
    assert certificate["verdict"] == "pass"
    verdicts = {check["name"]: check["verdict"] for check in certificate["checks"]}
    assert (verdicts["divergence"], verdicts["files"]) == ("pass", "pass")
    assert set(verdicts.values()) <= {"pass", "skipped"}
    assert {"adapter", "base", "template", "prompt"} <= set(certificate["hashes"])
    for command in ("verify", "inspect"):  # without a name: the newest exported run, as ask and chat take it
        create_run(trained.path.with_name("not-exported"), "tiny", "")
        assert sql_llama([command, "--json"]) == 0
        assert "tiny-Q8_0.gguf" in json.loads(capsys.readouterr().out)["file"]


def test_a_model_no_better_than_its_base_is_stopped(trained: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert sql_llama(["export"]) == 1
    said = capsys.readouterr().err
    assert "tiny-Q8_0.gguf: not better than its base" in said and "--no-gate" in said
    assert (trained.path / "evals" / "report.html").is_file()
    assert "gate" not in trained.manifest()["stages"]
    assert sql_llama(["export", "--no-gate"]) == 0


@pytest.mark.ollama
def test_a_running_ollama_gets_the_model_and_is_checked_too(
    trained: Run, ollama_server: "OllamaServer", monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", ollama_server.host)
    assert sql_llama(["export", str(trained.path), "--no-gate"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert f"pass ollama: 50 of 50 prompts are rendered alike by Ollama {ollama_server.version}" in told
    assert told[-1] == "Next: ollama run tiny"
    assert ollama_server.post("/api/show", model="tiny")["system"] == SYSTEM_PROMPT
    assert sql_llama(["verify", str(trained.path), "--json"]) == 0
    assert [check["name"] for check in json.loads(capsys.readouterr().out)["checks"]][-2:] == [
        "ollama",
        "ollama tokens",
    ]


def test_verify_notices_a_changed_file(trained: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert sql_llama(["export", str(trained.path), "--no-gate"]) == 0
    path = trained.gguf / "tiny-Q8_0.gguf"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    capsys.readouterr()
    assert sql_llama(["verify", str(trained.path)]) == 1
    assert "| files | fail |" in capsys.readouterr().out


def test_verify_takes_a_file(
    trained: Run, tiny_stopping_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sql_llama(["export", str(trained.path), "--no-verify", "--no-gate"])
    assert "has not been checked yet" in capsys.readouterr().out
    path = trained.gguf / "tiny-Q8_0.gguf"

    def verdicts(*arguments: str) -> dict[str, str]:
        assert sql_llama(["verify", *arguments, "--json"]) == 0
        return {check["name"]: check["verdict"] for check in json.loads(capsys.readouterr().out)["checks"]}

    assert verdicts(str(path)) == verdicts(str(trained.path))  # in its run
    elsewhere = shutil.copy(path, tmp_path / "elsewhere.gguf")
    with_base = verdicts(str(elsewhere), "--base", str(tiny_stopping_base))
    assert [name for name, verdict in with_base.items() if verdict == "skipped" and name != "provenance"] == [
        "divergence"
    ]
    alone = verdicts(str(elsewhere))
    assert {alone[name] for name in ("vocabulary", "tokens", "divergence")} == {"skipped"}


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["export"], 1, "no runs yet"),
        (["export", "nowhere"], 1, "nowhere: not a run directory"),
        (["export", "--base", "x"], 2, "all of --base, --adapter and --out"),
        (["export", "nowhere", "--ground", "base"], 2, "--ground is for --adapter"),
        (["verify"], 1, "no run has been exported yet"),
        (["inspect"], 1, "no run has been exported yet"),
        (["verify", "nothing.gguf"], 1, "nothing.gguf: no such file"),
        (["verify", "."], 1, "not a run directory"),
    ],
)
def test_wrong_usage_and_missing_things_are_one_line_and_the_right_code(
    arguments: list[str],
    code: int,
    says: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert sql_llama(arguments) == code
    assert says in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_hostile_gguf_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(b"GGUF\3\0\0\0" + b"\xff" * 16)
    assert sql_llama(["verify", str(path)]) == 1
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 2
    assert error[0].startswith(f"Error: {path}: not a usable GGUF file")
