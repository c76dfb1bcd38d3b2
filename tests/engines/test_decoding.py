"""Greedy decoding in one context: the same bit by bit, sure in numbers, and no prompt leaves a trace in the next."""

import codecs
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from sql_llama.core.errors import SqlLlamaError
from sql_llama.core.records import Answer, Message
from sql_llama.engines.decoding import CHUNK, Context
from sql_llama.engines.llamacpp import LlamaCpp, load_llamacpp
from sql_llama.export.convert.convert import convert
from sql_llama.modelfiles.templates import family


@pytest.fixture(scope="module")
def engine(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaCpp]:
    file = convert(tiny_base, tmp_path_factory.mktemp("gguf") / "tiny.gguf", family("chatml"))
    engine = load_llamacpp(file, num_ctx=1024, threads=1)
    yield engine
    engine.close()


@pytest.fixture
def context(engine: LlamaCpp) -> Iterator[Context]:
    context = engine.new_context(1024, 1)
    yield context
    context.close()


def finish(context: Context, prompt: list[int], limit: int) -> tuple[list[str], Answer]:
    pieces, running = [], context.greedy(prompt, limit)
    while True:
        try:
            pieces.append(next(running))
        except StopIteration as end:
            return pieces, end.value


def test_an_answer_is_the_most_probable_token_each_time(engine: LlamaCpp, context: Context) -> None:
    prompt = engine.prompt_tokens([Message("user", "How many singers are there?")])
    _, said = finish(context, prompt, 6)
    tokens, total = list(prompt), 0.0
    for _ in range(6):
        for _ in context.read(tokens):
            pass
        row = context.logits(1)[0].astype(float)
        best = int(row.argmax())
        total += math.log(math.exp(row[best] - row.max()) / sum(math.exp(one - row.max()) for one in row))
        tokens.append(best)
    assert said.text == context.text(tokens[len(prompt) :]) and (said.tokens, said.stopped) == (6, False)
    assert said.confidence == pytest.approx(math.exp(total), rel=0.05)


def test_what_was_asked_before_says_nothing(engine: LlamaCpp, context: Context) -> None:
    prompts = [engine.prompt_tokens([Message("user", "singer " * count)]) for count in (3, 200, 40)]
    alone = []
    for prompt in prompts:
        fresh = engine.new_context(1024, 1)
        alone.append(finish(fresh, prompt, 12)[1])
        fresh.close()
    for place in (0, 1, 2, 1, 0):
        said = finish(context, prompts[place], 12)[1]
        assert (said.text, said.confidence) == (alone[place].text, alone[place].confidence)


def test_a_prompt_is_read_in_passes_between_which_one_can_stop(engine: LlamaCpp, context: Context) -> None:
    prompt = engine.prompt_tokens([Message("user", "singer " * 300)])
    assert list(context.read(prompt)) == [""] * math.ceil(len(prompt) / CHUNK)
    pieces, said = finish(context, prompt, 10)
    assert "".join(pieces) == said.text


def test_a_character_in_two_tokens_comes_as_one_piece(engine: LlamaCpp, context: Context) -> None:
    tokens = engine.tokenize("多🦙")
    assert len(tokens) > 2 and context.text(tokens) == "多🦙"
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    assert "".join(decoder.decode(engine.model.piece(token)) for token in tokens) == "多🦙"
    assert context.text(tokens[:1]) == "�"


def test_more_than_the_cache_holds_is_one_line(engine: LlamaCpp) -> None:
    small = engine.new_context(256, 1)
    with pytest.raises(SqlLlamaError, match=r"llama\.cpp failed to decode") as caught:
        list(small.read([5] * 600))
    assert "\n" not in str(caught.value)
    small.close()
    small.close()


def test_the_logits_of_an_answer_are_those_of_decoding_it(engine: LlamaCpp, context: Context) -> None:
    """A prompt of several passes and an answer over a pass's end, all at once or a token at a time."""
    prompt = (engine.prompt_tokens([Message("user", "How many singers are there?")]) * 99)[: 2 * CHUNK - 3]
    answer = [7, 9, 11, 30, 7, 5]
    together = next(engine.answer_logits([((*prompt, *answer), len(prompt))]))
    assert together.shape == (6, engine.vocabulary)
    for _ in context.read(prompt):
        pass
    for row, token in zip(together, answer, strict=True):
        assert abs(row - context.logits(1)[0]).max() < 1e-2
        context.decode([token])
