"""Recipes: what is unknown, mistyped or impossible is refused with its file, key and line."""

import hashlib
from pathlib import Path

import pytest
from sql_llama.core.errors import RecipeError
from sql_llama.core.read_recipe import read_recipe, recipe_names
from sql_llama.core.render_recipe import render_recipe

GOOD = """\
name = "mine"

[base]
model = "some/model"

[train]
epochs = 2
batch = 8
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe file to fill, in the current folder so that messages name it shortly."""
    monkeypatch.chdir(tmp_path)
    return Path("mine.toml")


def refusal(path: Path, text: str, *overrides: str) -> RecipeError:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        read_recipe(str(path), overrides)
    assert caught.value.fix and "\n" not in str(caught.value)
    return caught.value


def test_a_whole_number_is_a_number_and_what_is_not_said_has_its_default(write: Path) -> None:
    write.write_text(GOOD)
    recipe, _ = read_recipe("mine.toml")
    assert recipe.name == "mine" and recipe.base.model == "some/model"
    assert recipe.train.epochs == 2.0 and isinstance(recipe.train.epochs, float)
    assert recipe.train.quantization == "nf4" and recipe.lora.r == 16 and recipe.export.quants == ("Q4_K_M", "Q8_0")


@pytest.mark.parametrize("name", recipe_names())
def test_every_shipped_recipe_is_read_and_written_out_whole(name: str, write: Path) -> None:
    recipe, text = read_recipe(name)
    assert recipe.name == name and recipe.description and recipe.base.license
    write.write_text(text, encoding="utf-8")
    again, text_again = read_recipe("mine.toml")
    assert again == recipe and text_again == text == render_recipe(recipe)


def test_every_text_survives_being_written_out(write: Path) -> None:
    write.write_text(GOOD)
    odd = 'back\\slash "quoted" tab\t line\nreturn\r bell\a delete\x7f ü 漢'
    recipe = read_recipe("mine.toml")[0].model_copy(update={"description": odd})
    write.write_text(render_recipe(recipe), encoding="utf-8", newline="")
    assert read_recipe("mine.toml")[0] == recipe


@pytest.mark.parametrize(
    "line, said",
    [
        ("epoch = 2", "mine.toml:9: train.epoch: unknown key"),
        ('epochs = "2"', "mine.toml:9: train.epochs: must be a number, not '2'"),
        ("max_steps = 2.5", "mine.toml:9: train.max_steps: must be a whole number, not 2.5"),
        ("max_steps = true", "mine.toml:9: train.max_steps: must be a whole number, not True"),
        ("checkpointing = 1", "mine.toml:9: train.checkpointing: must be true or false, not 1"),
        ("start = 1", "mine.toml:9: train.start: must be a text in quotes, not 1"),
        (
            'quantization = "int8"',
            "mine.toml:9: train.quantization: must be one of nf4, nf4-unpacked, none, not 'int8'",
        ),
        ("learning_rate = 5", "mine.toml:9: train.learning_rate: must be between 1e-08 and 1, not 5"),
        ("learning_rate = nan", "mine.toml:9: train.learning_rate: must be between 1e-08 and 1, not nan"),
        ("seed = -1", "mine.toml:9: train.seed: must be between 0 and 4294967295, not -1"),
        ("micro_batch = 3", "mine.toml:9: train.batch = 8 is no multiple of train.micro_batch = 3"),
        ('best = "execution"', "mine.toml:9: train.best: requires train.eval_steps"),
        ("early_stopping = 2", "mine.toml:9: train.early_stopping: requires train.eval_steps"),
        ('best = "steps"', "mine.toml:9: train.best: must be one of last, loss, execution, file, not 'steps'"),
    ],
)
def test_a_wrong_line_is_named_with_its_key(line: str, said: str, write: Path) -> None:
    text = GOOD.replace("epochs = 2\n", "# a comment\n") if line.startswith("epochs ") else GOOD
    assert refusal(write, f"{text}{line}\n").message == said


@pytest.mark.parametrize(
    "text, said",
    [
        (GOOD + "[trian]\nepochs = 1\n", "mine.toml:9: trian: unknown key"),
        ("train.epoch = 1\n" + GOOD.split("[train]")[0], "mine.toml:1: train.epoch: unknown key"),
        ("train = 3\n" + GOOD.split("[train]")[0], "mine.toml:1: train: must be a section [train]"),
        (GOOD + '[data]\njsonl = "a.jsonl"\n', "mine.toml:10: data.jsonl: must be a list of texts"),
        (GOOD.replace("mine", "../mine"), "mine.toml:1: name: must be letters, digits, dots and dashes, not '../mine'"),
        (GOOD.replace('model = "some/model"', ""), "mine.toml: base.model is missing"),
        (GOOD.replace("[base]", "").replace('model = "some/model"', ""), "mine.toml: base is missing"),
    ],
)
def test_a_wrong_section_is_named(text: str, said: str, write: Path) -> None:
    assert refusal(write, text).message == said


def test_broken_toml_is_named_with_its_line(write: Path) -> None:
    said = refusal(write, GOOD + "batch\n").message
    assert said.startswith("mine.toml: broken TOML: ") and "line 9" in said


def test_a_file_that_is_no_text_is_refused(write: Path) -> None:
    write.write_bytes(b"name = '\xff\xfe'")
    with pytest.raises(RecipeError, match=r"mine\.toml: not UTF-8"):
        read_recipe("mine.toml")


@pytest.mark.parametrize("name", ["nosuch", "nosuch.toml", "../laptop", ""])
def test_an_unknown_recipe_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(RecipeError, match="no such recipe") as caught:
        read_recipe(name)
    assert "laptop" in caught.value.fix


def test_set_takes_toml_plain_words_and_lists(write: Path) -> None:
    write.write_text(GOOD)
    sets = ["train.epochs=0.5", "train.start=starter", "data.jsonl=a.jsonl,b.jsonl", 'export.quants=["Q8_0"]']
    recipe, text = read_recipe("mine.toml", [*sets, "base.revision=123", "train.checkpointing=true", "train.batch=4"])
    assert recipe.train.epochs == 0.5 and recipe.train.start == "starter" and recipe.train.batch == 4
    assert recipe.data.jsonl == ("a.jsonl", "b.jsonl") and recipe.export.quants == ("Q8_0",)
    assert recipe.base.revision == "123"  # a commit of digits only is still a text
    assert recipe.train.checkpointing is True
    assert "epochs = 0.5\n" in text


@pytest.mark.parametrize(
    "override, said",
    [
        ("train.epochs", "--set train.epochs: not section.key=value"),
        ("epochs=1", "--set epochs=1: not section.key=value"),
        ("name.x=1", "--set name.x=1: name is not a section"),
        ("train.epoch=1", "--set train.epoch=1: unknown key"),
        ("nosuch.key=1", "--set nosuch.key=1: there is no section [nosuch]"),
        ("train.max_steps=many", "--set train.max_steps=many: must be a whole number, not 'many'"),
        (
            "train.batch=-1",
            "--set train.batch=-1: must be between 0 and 4096, not -1",
        ),  # line 8 is good
        ("data.valid_share=0.9", "--set data.valid_share=0.9: must be between 0 and 0.5, not 0.9"),
        ("train.best=loss", "--set train.best=loss: requires train.eval_steps"),
        ("train.micro_batch=3", "--set train.micro_batch=3: train.batch = 8 is no multiple of train.micro_batch = 3"),
    ],
)
def test_a_wrong_set_is_refused(override: str, said: str, write: Path) -> None:
    assert refusal(write, GOOD, override).message == said


def test_the_first_wrong_line_is_named_before_what_is_missing_and_what_was_set(write: Path) -> None:
    text = GOOD.replace('model = "some/model"\n', 'revisoin = "main"\n') + "batch_size = 2\n"
    assert refusal(write, text, "lora.r=0").message == "mine.toml:4: base.revisoin: unknown key"


@pytest.mark.parametrize("override", [(), ("train.max_steps=many",)])
def test_the_fix_says_what_to_write_wherever_the_value_came_from(override: tuple[str, ...], write: Path) -> None:
    text = GOOD if override else f'{GOOD}max_steps = "many"\n'
    assert refusal(write, text, *override).fix == "write a whole number, such as 3"


def test_a_recipe_cannot_be_changed_once_it_is_read(write: Path) -> None:
    write.write_text(GOOD)
    with pytest.raises(ValueError, match="frozen"):
        read_recipe("mine.toml")[0].train.epochs = 3.0


@pytest.mark.parametrize("name", recipe_names())
def test_a_shipped_recipe_is_written_out_as_before(name: str) -> None:
    """Its hash stands in manifests and GGUF files: a run that is finished must not be done again."""
    digest = hashlib.sha256(read_recipe(name)[1].encode()).hexdigest()[:16]
    assert digest == {
        "laptop": "efb6e9253c7d4c31",
        "my-database": "8d7ee7944f03bb65",
        "llama3.1-8b": "3238e0e0e4fc4dc1",
        "spider-smollm2": "f86945ec536d8590",
    }.get(name, digest)


SOURCES = """
[[data.source]]
path = "a.jsonl"
columns = {question = "q", "the sql" = "x"}

[[data.source]]
path = "b"
weight = 2
"""


def test_sources_are_tables_of_their_own_and_survive_being_written_out(write: Path) -> None:
    write.write_text(GOOD + SOURCES)
    recipe, text = read_recipe("mine.toml")
    assert [(source.path, source.weight) for source in recipe.data.source] == [("a.jsonl", 1), ("b", 2)]
    write.write_text(text)
    assert read_recipe("mine.toml")[0] == recipe


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('layuot = "bird"', "mine.toml:{line}: data.source.layuot: unknown key"),
        ('layout = "brid"', "mine.toml:{line}: data.source.layout: must be one of auto, rows"),
        ("columns = 3", "mine.toml:{line}: data.source.columns: must be a table of texts"),
    ],
)
def test_a_wrong_line_of_a_source_is_named(line: str, said: str, write: Path) -> None:
    text = f"{GOOD}{SOURCES}{line}\n"
    number = text.splitlines().index(line) + 1
    assert str(refusal(write, text)).startswith(said.format(line=number))


def test_a_source_without_a_path_and_sources_that_are_no_tables_are_named(write: Path) -> None:
    text = GOOD + SOURCES.replace('path = "b"\n', "")
    header = [n for n, line in enumerate(text.splitlines(), 1) if line == "[[data.source]]"][1]
    assert f"mine.toml:{header}: data.source.path is missing" in str(refusal(write, text))
    assert "must be tables [[data.source]]" in str(refusal(write, GOOD, "data.source=x"))
