"""Beam search in llama.cpp: worked by hand, no worse than greedy, and never twice the same."""

import itertools
import math
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sql_llama.core.records import Answer, Message
from sql_llama.engines.beams import beam_search
from sql_llama.engines.decoding import Context
from sql_llama.engines.engine import answer
from sql_llama.engines.llamacpp import LlamaCpp, load_llamacpp
from sql_llama.export.convert.convert import convert
from sql_llama.modelfiles.templates import family

CHATS = [[Message("user", f"How many singers are older than {n}? " + "singer " * (30 * n))] for n in range(4)]


@pytest.fixture(scope="module")
def engine(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaCpp]:
    file = convert(tiny_base, tmp_path_factory.mktemp("gguf") / "tiny.gguf", family("chatml"))
    engine = load_llamacpp(file, num_ctx=1024, threads=2)
    yield engine
    engine.close()


def search(
    engine: LlamaCpp, prompt: list[int], width: int, limit: int, stopped: Callable[[], bool] = lambda: False
) -> list[Answer]:
    context = engine.new_context(len(prompt) + width * limit, 1, 2 * width)
    try:
        return beam_search(context, prompt, width, limit, stopped)
    finally:
        context.close()


def after(context: Context, tokens: list[int]) -> list[float]:
    """By hand: log-probabilities of what comes next."""
    for _ in context.read(tokens):
        pass
    row = context.logits(1)[0].astype(float).tolist()
    total = math.log(sum(math.exp(one - max(row)) for one in row)) + max(row)
    return [one - total for one in row]


def test_two_tokens_worked_by_hand(engine: LlamaCpp) -> None:
    """Of the three best first tokens all followers; of those pairs the three best."""
    prompt = engine.prompt_tokens(CHATS[0])
    context = engine.new_context(1024, 1)
    first = after(context, prompt)
    pairs = []
    for token in sorted(range(len(first)), key=lambda one: -first[one])[:3]:
        pairs += [(first[token] + log, [token, next_]) for next_, log in enumerate(after(context, [*prompt, token]))]
    best = sorted(pairs, reverse=True)[:3]
    said = search(engine, prompt, 3, 2)
    assert [one.text for one in said] == [context.text(tokens) for _, tokens in best]
    assert [one.confidence for one in said] == pytest.approx([math.exp(total) for total, _ in best], rel=0.02)
    assert all((one.tokens, one.stopped) == (2, False) for one in said)
    context.close()


def test_one_beam_is_the_greedy_answer(engine: LlamaCpp, tiny_stopping_base: Path, tmp_path: Path) -> None:
    stopping = load_llamacpp(convert(tiny_stopping_base, tmp_path / "x.gguf", family("chatml")), threads=1)
    for model, chat in [*((engine, chat) for chat in CHATS), (stopping, CHATS[0])]:
        greedy = answer(model, chat, max_tokens=10)
        (said,) = search(model, model.prompt_tokens(chat), 1, 10)
        assert (said.text, said.tokens, said.stopped) == (greedy.text, greedy.tokens, greedy.stopped)
        assert said.confidence == pytest.approx(greedy.confidence, rel=1e-3)
    stopping.close()


def test_several_beams_are_no_less_probable_than_greedy_and_all_different(engine: LlamaCpp) -> None:
    greedy = [answer(engine, chat, max_tokens=6) for chat in CHATS]
    for one, beams in zip(greedy, engine.candidates(CHATS, beams=4, max_tokens=6), strict=True):
        sure = [said.confidence or 0.0 for said in beams]
        assert len(beams) == 4 and sure == sorted(sure, reverse=True)  # all of one length: the limit's
        assert all(before > behind * (1 + 1e-9) for before, behind in itertools.pairwise(sure))
        assert sure[0] >= (one.confidence or 1) * 0.98


def test_answers_come_in_the_order_of_the_chats_and_are_the_same_again(engine: LlamaCpp) -> None:
    together = [[said.text for said in beams] for beams in engine.candidates(CHATS, beams=3, max_tokens=6)]
    alone = [[said.text for said in next(engine.candidates([chat], beams=3, max_tokens=6))] for chat in CHATS]
    assert together == alone


def test_an_answer_that_can_end_in_two_ways_comes_once(tiny_stopping_base: Path, tmp_path: Path) -> None:
    engine = load_llamacpp(convert(tiny_stopping_base, tmp_path / "x.gguf", family("chatml")), threads=1)
    (beams,) = engine.candidates([CHATS[0]], beams=4, max_tokens=3)
    assert (beams[0].text, beams[0].tokens, beams[0].stopped) == ("", 0, True)
    assert [said.text for said in beams].count("") == 1
    ended = [said.stopped for said in beams]
    assert ended == sorted(ended, reverse=True)  # whole answers before those that were cut
    engine.close()


def test_the_beams_of_a_prompt_that_fills_the_context_have_room(engine: LlamaCpp) -> None:
    room = engine.num_ctx - len(engine.prompt_tokens([Message("user", "")]))
    near = [Message("user", "7" * (room - 20))]
    (beams,) = engine.candidates([near], beams=8, max_tokens=200)
    assert len(beams) == 8 and {said.tokens for said in beams if not said.stopped} <= {20}


def test_a_stopped_search_says_nothing(engine: LlamaCpp) -> None:
    assert search(engine, engine.prompt_tokens(CHATS[3]), 3, 50, lambda: True) == []
    stop = threading.Event()
    stop.set()
    assert list(engine.candidates(CHATS[3:], beams=3, max_tokens=50, stop=stop)) == [[]]


def test_a_search_can_be_left_in_the_middle(engine: LlamaCpp) -> None:
    many = engine.candidates(CHATS * 5, beams=3, max_tokens=100)
    next(many)
    many.close()
    assert answer(engine, CHATS[0], max_tokens=2).tokens == 2


def test_a_search_that_is_over_does_not_stop_others_of_the_same_caller(engine: LlamaCpp) -> None:
    stop = threading.Event()
    assert len(next(engine.candidates(CHATS[:1], beams=2, max_tokens=2, stop=stop))) == 2
    assert not stop.is_set()
