"""Run directories: a finished stage is done once, and nothing of the user's is written over."""

import json
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError, NotExported, RecipeError
from sql_llama.core.run import Run, create_run, list_runs, new_run_path, newest_exported_run, newest_run

RECIPE = 'name = "mine"\n\n[base]\nmodel = "ä"\n'


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return create_run(tmp_path / "runs" / "one", "mine", RECIPE)


def finish(run: Run, **inputs: str) -> Path:
    folder = run.path / "adapter"
    folder.mkdir(exist_ok=True)
    (folder / "weights").write_bytes(b"123456")
    run.finish("train", inputs, [folder], 1.23456, steps=7)
    return folder / "weights"


def test_a_new_run_says_what_made_it(run: Run) -> None:
    manifest = run.manifest()
    assert manifest["recipe"] == "mine" and manifest["stages"] == {} and manifest["manifest_version"] == 1
    assert manifest["sql_llama"] and manifest["python"] and manifest["created"].endswith("+00:00")
    assert run.recipe_path.read_text(encoding="utf-8") == RECIPE


def test_a_stage_is_done_with_the_same_inputs_and_its_outputs_in_place(run: Run) -> None:
    assert not run.done("train", {"recipe": "a"})
    finish(run, recipe="a")
    assert run.done("train", {"recipe": "a"})
    assert not run.done("train", {"recipe": "b"})
    assert not run.done("train", {"recipe": "a", "base": "c"})
    assert not run.done("export", {"recipe": "a"})


def test_a_stage_whose_output_was_cut_or_deleted_is_not_done(run: Run) -> None:
    weights = finish(run, recipe="a")
    weights.write_bytes(b"123")
    assert not run.done("train", {"recipe": "a"})
    finish(run, recipe="a")
    weights.unlink()
    assert not run.done("train", {"recipe": "a"})


def test_an_entry_has_hashes_bytes_seconds_and_facts(run: Run) -> None:
    finish(run, recipe="a")
    entry = run.manifest()["stages"]["train"]
    (output,) = entry["outputs"]
    assert output["path"] == "adapter" and output["bytes"] == 6 and len(output["sha256"]) == 64
    assert entry["seconds"] == 1.235 and entry["steps"] == 7


def test_the_same_recipe_goes_on_and_another_is_refused(run: Run) -> None:
    finish(run, recipe="a")
    assert create_run(run.path, "mine", RECIPE).done("train", {"recipe": "a"})
    with pytest.raises(RecipeError, match="holds a run of another recipe"):
        create_run(run.path, "mine", RECIPE + "\n[lora]\nr = 3\n")


def test_other_paths_and_devices_are_kept_and_the_run_stays_what_it_is(run: Run) -> None:
    before = run.recipe_hash
    moved = RECIPE + "\n[train]\nmicro_batch = 1\n"
    assert create_run(run.path, "mine", moved).recipe_path.read_text() == moved
    assert run.recipe_hash == before
    assert create_run(run.path, "mine", RECIPE).recipe_hash == before


def test_a_folder_with_something_else_in_it_is_refused_and_stays(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(RecipeError, match="not empty and not a run directory"):
        create_run(tmp_path, "mine", RECIPE)
    with pytest.raises(RecipeError, match="not a run directory"):
        create_run(tmp_path / "thesis.txt", "mine", RECIPE)
    assert not (tmp_path / "recipe.toml").exists()


def test_a_recipe_of_the_users_own_is_not_written_over(tmp_path: Path) -> None:
    own = tmp_path / "recipe.toml"
    own.write_text('name = "my own"\n')
    with pytest.raises(RecipeError, match="not a run directory"):
        create_run(tmp_path, "mine", RECIPE)
    assert own.read_text() == 'name = "my own"\n'


@pytest.mark.parametrize("length", [0, 10, len(RECIPE.encode()) - 3, len(RECIPE.encode())])
def test_a_run_that_was_killed_while_it_was_made_is_made_again(length: int, tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.mkdir()
    (path / "recipe.toml").write_bytes(RECIPE.encode()[:length])
    assert create_run(path, "mine", RECIPE).manifest()["stages"] == {}
    assert (path / "recipe.toml").read_text(encoding="utf-8") == RECIPE


@pytest.mark.parametrize("text", ["", '{"stages": {"train"', "[]", '{"other": 1}'])
def test_a_half_written_manifest_is_an_error_that_names_the_file(text: str, run: Run) -> None:
    run.manifest_path.write_text(text)
    with pytest.raises(DataError, match=r"manifest\.json: ") as caught:
        run.done("train", {})
    assert caught.value.fix
    with pytest.raises(DataError, match=r"manifest\.json: "):
        create_run(run.path, "mine", RECIPE)


def test_what_a_kill_leaves_beside_the_manifest_does_not_count(run: Run) -> None:
    finish(run, recipe="a")
    (run.path / ".manifest.json.abc.json").write_text('{"stages"')
    assert run.done("train", {"recipe": "a"})


def test_a_new_run_goes_on_with_the_newest_of_the_same_recipe(temporary_home: Path) -> None:
    first = new_run_path("mine", RECIPE)
    assert first.parent == temporary_home / "runs" and first.name.endswith("-mine")
    create_run(first, "mine", RECIPE)
    assert new_run_path("mine", RECIPE) == first
    second = new_run_path("mine", RECIPE + "# changed\n")
    assert second.name == f"{first.name}-2"


def dated_run(runs: Path, name: str, created: str) -> Run:
    run = create_run(runs / name, name, RECIPE)
    run.manifest_path.write_text(json.dumps(run.manifest() | {"created": created}))
    return run


def test_the_newest_run_is_the_one_made_last_and_broken_ones_are_passed_over(temporary_home: Path) -> None:
    with pytest.raises(DataError, match="no runs yet"):
        newest_run()
    for name, created in (("b", "2026-01-01"), ("a", "2026-01-02"), ("c", "2026-01-03"), ("d", "2026-01-04")):
        dated_run(temporary_home / "runs", name, created)
    (temporary_home / "runs" / "c" / "manifest.json").write_text("{")
    (temporary_home / "runs" / "d" / "recipe.toml").unlink()
    assert [run.path.name for run in list_runs()] == ["b", "a"]
    assert newest_run().path.name == "a"


def test_the_file_that_ships_is_the_one_that_the_modelfile_names(run: Run) -> None:
    with pytest.raises(NotExported, match="not exported yet") as caught:
        run.shipped()
    assert caught.value.fix == f"sql-llama export {run.path}"
    run.gguf.mkdir()
    for name in ("a-Q8_0.gguf", "x y-Q4_K_M.gguf"):
        (run.gguf / name).touch()
    modelfile = run.path / "Modelfile"
    modelfile.write_text('FROM ./gguf/x y-Q4_K_M.gguf\nSYSTEM """an answer\nFROM the tables"""\n')
    assert run.shipped() == run.gguf / "x y-Q4_K_M.gguf"
    modelfile.write_text(f"# mine\nFROM {run.gguf}/a-Q8_0.gguf\n")
    assert run.shipped() == run.gguf / "a-Q8_0.gguf"
    for text in ("SYSTEM hello\n", "FROM ./gguf/gone.gguf\n", "FROM ./gguf\n"):
        modelfile.write_text(text)
        with pytest.raises(NotExported):
            run.shipped()


def test_the_newest_exported_run_may_be_older_than_the_newest_run(temporary_home: Path) -> None:
    with pytest.raises(NotExported, match="no run has been exported yet"):
        newest_exported_run()
    for day, exported in ((1, True), (2, True), (3, False)):
        run = dated_run(temporary_home / "runs", f"run-{day}", f"2026-01-0{day}")
        if exported:
            (run.path / "Modelfile").write_text("FROM ./model.gguf\n")
            (run.path / "model.gguf").touch()
    assert newest_exported_run().path.name == "run-2"


def test_the_folder_of_run_directories_is_told_apart_from_a_run(temporary_home: Path) -> None:
    runs = temporary_home / "runs"
    dated_run(runs, "one", "2026-01-01")
    with pytest.raises(DataError, match="a folder of run directories") as caught:
        Run(runs).manifest()
    assert caught.value.fix == f"name one of them, such as {runs / 'one'}"
