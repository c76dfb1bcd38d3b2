"""The transformers engine: the same prompt and answer as llama.cpp, sure answers in numbers, adapters that fit."""

import json
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.errors import DataError, SqlLlamaError
from sql_llama.core.records import Message
from sql_llama.engines import huggingface as module
from sql_llama.engines.engine import answer
from sql_llama.engines.huggingface import HuggingFace, load_huggingface
from sql_llama.engines.llamacpp import load_llamacpp
from sql_llama.export.convert.convert import convert
from sql_llama.modelfiles.templates import family_of

CHATS = [
    [Message("system", "Be brief."), Message("user", "How many singers are there in 2014? 多少 🦙")],
    [Message("user", "SELECT name FROM singer")],
    [Message("user", "count " * 60)],
    [Message("user", "Who is older than 20?")],
    [Message("user", "")],
]


@pytest.fixture(scope="module", autouse=True)
def whole_floats() -> Iterator[None]:
    """Sums are compared here, in float32: in bfloat16 they differ in the third digit, whoever adds up."""
    import torch

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "compute_dtype", lambda: torch.float32)
        yield


@pytest.fixture(scope="module")
def engine(tiny_base: Path) -> Iterator[HuggingFace]:
    engine = load_huggingface(tiny_base, num_ctx=1024)
    yield engine
    engine.close()


def after(model: Any, tokens: list[int]) -> Any:
    """By hand: log-probabilities of what comes next, from one pass over all tokens."""
    import torch

    with torch.inference_mode():
        return model(torch.tensor([tokens])).logits[0, -1].float().log_softmax(-1)


def greedy(model: Any, prompt: list[int], limit: int) -> tuple[list[int], float]:
    """By hand: the tokens of a greedy answer and the sum of their log-probabilities."""
    said: list[int] = []
    total = 0.0
    while len(said) < limit:
        row = after(model, prompt + said)
        said.append(int(row.argmax()))
        total += float(row.max())
    return said, total


@pytest.mark.parametrize("base", ["tiny_base", "tiny_llama3"])
def test_prompt_and_answer_are_those_of_llamacpp(base: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(base)
    file = load_llamacpp(convert(folder, tmp_path / "x.gguf", family_of(folder)), threads=1)
    engine = load_huggingface(folder)
    assert [engine.prompt_tokens(chat) for chat in CHATS] == [file.prompt_tokens(chat) for chat in CHATS]
    ours = [said[0] for said in engine.candidates(CHATS, max_tokens=5)]
    theirs = [said[0] for said in file.candidates(CHATS, max_tokens=5)]
    assert [said.text for said in ours] == [said.text for said in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert one.confidence == pytest.approx(other.confidence, rel=0.1)  # llama.cpp multiplies in float16
        assert (one.tokens, one.stopped) == (other.tokens, other.stopped)
    for loaded in (engine, file):
        loaded.close()


def test_an_answer_is_the_same_alone_and_beside_longer_ones(engine: HuggingFace) -> None:
    together = [said[0].text for said in engine.candidates(CHATS, max_tokens=10)]
    assert together == [answer(engine, chat, max_tokens=10).text for chat in CHATS]
    assert len(set(together)) > 1
    assert list(engine.candidates([])) == []


def test_confidence_is_the_product_of_the_tokens_probabilities(engine: HuggingFace) -> None:
    for chat in CHATS[:3]:
        said = answer(engine, chat, max_tokens=6)
        tokens, total = greedy(engine.model, engine.prompt_tokens(chat), 6)
        assert said.text == engine.tokenizer.decode(tokens, skip_special_tokens=True) and said.tokens == 6
        assert said.confidence == pytest.approx(math.exp(total), rel=1e-3, abs=0) and math.exp(total) < 1


def test_the_end_token_counts_too(tiny_stopping_base: Path) -> None:
    engine = load_huggingface(tiny_stopping_base)
    said = answer(engine, CHATS[0])
    assert (said.text, said.tokens, said.stopped) == ("", 0, True)
    import torch

    with torch.inference_mode():
        logits = engine.model(torch.tensor([engine.prompt_tokens(CHATS[0])])).logits[0, -1].softmax(-1)
    assert said.confidence == pytest.approx(float(logits.max()), rel=1e-4)
    for width in (2, 3):
        several = next(engine.candidates([CHATS[0]], beams=width, max_tokens=5))
        assert several[0].text == "" and several[0].confidence == pytest.approx(said.confidence, rel=1e-4)
        assert [said.text for said in several].count("") == 1  # though it may end in two ways
    engine.close()


def test_several_beams_are_the_best_first_and_sure_by_the_same_sum(engine: HuggingFace) -> None:
    for chat, beams in zip(CHATS, engine.candidates(CHATS, beams=3, max_tokens=2), strict=True):
        prompt = engine.prompt_tokens(chat)
        first = after(engine.model, prompt).topk(3)
        pairs = [
            (float(one) + float(other), [int(token), int(follower)])
            for one, token in zip(*first, strict=True)
            for other, follower in zip(*after(engine.model, [*prompt, int(token)]).topk(3), strict=True)
        ]
        best = sorted(pairs, reverse=True)[:3]
        assert [said.text for said in beams] == [engine.tokenizer.decode(tokens) for _, tokens in best]
        assert [said.confidence for said in beams] == pytest.approx([math.exp(total) for total, _ in best], rel=1e-3)
        assert (beams[0].confidence or 0) > 0.99 * (answer(engine, chat, max_tokens=2).confidence or 1)


def test_what_the_folder_says_of_sampling_is_not_heeded(tiny_base: Path, tmp_path: Path, engine: HuggingFace) -> None:
    folder = shutil.copytree(tiny_base, tmp_path / "chatty")
    wishes = {"do_sample": True, "temperature": 9.0, "repetition_penalty": 5.0, "no_repeat_ngram_size": 1}
    wishes |= {"min_new_tokens": 3, "max_length": 30, "length_penalty": 3.0, "suppress_tokens": list(range(3, 200))}
    (folder / "generation_config.json").write_text(json.dumps(wishes))
    chatty = load_huggingface(folder, num_ctx=1024)
    for beams in (1, 2):
        ours = [[said.text for said in one] for one in chatty.candidates(CHATS[:2], beams=beams, max_tokens=15)]
        assert ours == [[said.text for said in one] for one in engine.candidates(CHATS[:2], beams=beams, max_tokens=15)]
    chatty.close()


def test_the_context_bounds_prompt_and_answer(tiny_base: Path) -> None:
    engine = load_huggingface(tiny_base, num_ctx=1024)
    room = engine.num_ctx - len(engine.prompt_tokens([Message("user", "")]))
    near = [Message("user", "7" * (room - 5))]
    assert engine.fits(near, max_tokens=5) and not engine.fits(near, max_tokens=6)
    assert [said[0].tokens for said in engine.candidates([CHATS[0], near, CHATS[1]], max_tokens=9)] == [9, 5, 9]
    with pytest.raises(SqlLlamaError, match="the context holds 1024"):
        answer(engine, [Message("user", "7" * room)])
    engine.close()
    assert load_huggingface(tiny_base, num_ctx=100_000).num_ctx == 2048  # what the model was trained for


def test_an_adapter_is_applied(
    tiny_base: Path, make_tiny_adapter: Callable[..., Any], tmp_path: Path, engine: HuggingFace
) -> None:
    unmerged = make_tiny_adapter(tiny_base, tmp_path / "lora")
    tuned = load_huggingface(tiny_base, adapter=tmp_path / "lora", num_ctx=1024)
    for chat in CHATS[:3]:
        tokens, total = greedy(unmerged, tuned.prompt_tokens(chat), 4)
        said = answer(tuned, chat, max_tokens=4)
        assert said.text == tuned.tokenizer.decode(tokens, skip_special_tokens=True)
        assert said.confidence == pytest.approx(math.exp(total), rel=1e-2, abs=0)
        assert said.text != answer(engine, chat, max_tokens=4).text
    assert tuned.identity != engine.identity and tuned.name == f"{engine.name}+lora"
    tuned.close()


def test_an_adapter_in_a_bin_file_is_the_same(tiny_base: Path, tiny_adapter: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    folder = Path(shutil.copytree(tiny_adapter, tmp_path / "bin"))
    weights = folder / "adapter_model.safetensors"
    torch.save(load_file(weights), folder / "adapter_model.bin")
    weights.unlink()
    one, other = (load_huggingface(tiny_base, adapter=path) for path in (folder, tiny_adapter))
    chats = [[Message("user", "Question: How many singers are there?")]]
    first, second = (next(engine.candidates(chats, max_tokens=20))[0].text for engine in (one, other))
    assert first == second
    (folder / "adapter_model.bin").write_bytes(b"no")
    with pytest.raises(DataError, match="cannot be put on"):
        load_huggingface(tiny_base, adapter=folder)


def test_an_adapter_for_another_model_is_one_line(
    tiny_base: Path, tiny_adapter: Path, make_tiny_adapter: Callable[..., Any], tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    def spoilt(name: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Path:
        folder = shutil.copytree(tiny_adapter, tmp_path / name)
        file = folder / "adapter_model.safetensors"
        save_file(change(load_file(file)), file)
        return folder

    wide = spoilt("wide", lambda all_: {name: tensor.repeat(2, 2) for name, tensor in all_.items()})
    deep = spoilt("deep", lambda all_: all_ | {n.replace(".1.", ".2."): t.clone() for n, t in all_.items()})
    flat = spoilt("flat", lambda all_: {name: tensor for name, tensor in all_.items() if ".layers.0." in name})
    torn = shutil.copytree(tiny_adapter, tmp_path / "torn")
    (torn / "adapter_model.safetensors").write_bytes(b"no")
    bare = shutil.copytree(tiny_adapter, tmp_path / "bare")
    (bare / "adapter_model.safetensors").unlink()
    broken = shutil.copytree(tiny_adapter, tmp_path / "broken")
    (broken / "adapter_config.json").write_text('{"peft_type": "LORA"')
    for folder in (wide, deep, flat, torn, bare, broken):
        with pytest.raises(DataError) as caught:
            load_huggingface(tiny_base, adapter=folder)
        assert str(caught.value).startswith(f"{folder}: ") and "\n" not in str(caught.value) and caught.value.fix
        assert "():" not in caught.value.message


def test_facts_and_identity_say_which_model_it_is(engine: HuggingFace, tiny_base: Path, tmp_path: Path) -> None:
    facts = engine.facts
    assert (facts["engine"], facts["architecture"], facts["dtype"]) == ("transformers", "llama", "float32")
    assert facts["parameters"] > 50_000 and facts["context"] == 1024
    again = load_huggingface(tiny_base, num_ctx=1024)
    assert again.identity == engine.identity
    other = shutil.copytree(tiny_base, tmp_path / "smol")
    assert load_huggingface(other).identity == engine.identity, "the same files in another folder are the same model"
    with (other / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"7")
    assert load_huggingface(other).identity != engine.identity
    again.close()
    again.close()
