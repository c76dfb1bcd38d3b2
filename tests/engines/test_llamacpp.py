"""A GGUF file in this process: prompts as the file says, greedy answers that repeat, refusals in one line."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.errors import DataError, SqlLlamaError
from sql_llama.core.records import Answer, Message
from sql_llama.engines.engine import answer
from sql_llama.engines.llamacpp import LlamaCpp, load_llamacpp
from sql_llama.export.convert.adapter_gguf import adapter_gguf
from sql_llama.export.convert.convert import convert
from sql_llama.export.merge.merge import merge
from sql_llama.modelfiles.templates import family

CHAT = [Message("system", "Be brief."), Message("user", "How many singers are there in 2014? 多少 🦙")]
CHATS = [[Message("user", f"How many singers are older than {n}? " + "singer " * (40 * n))] for n in range(5)]


@pytest.fixture(scope="module")
def chatml_file(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(tiny_base, tmp_path_factory.mktemp("gguf") / "tiny.gguf", family("chatml"))


@pytest.fixture(scope="module")
def engine(chatml_file: Path) -> Iterator[LlamaCpp]:
    engine = load_llamacpp(chatml_file, num_ctx=1024, threads=2)
    yield engine
    engine.close()


def test_the_prompt_is_what_the_embedded_template_says(engine: LlamaCpp) -> None:
    assert engine.render(CHAT) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\nHow many singers are there in 2014? 多少 🦙<|im_end|>\n<|im_start|>assistant\n"
    )


def test_token_ids_are_those_of_the_folder(engine: LlamaCpp, tiny_base: Path) -> None:
    from tokenizers import Tokenizer

    wanted = Tokenizer.from_file(str(tiny_base / "tokenizer.json")).encode(engine.render(CHAT)).ids
    assert engine.prompt_tokens(CHAT) == wanted


def test_one_bos_where_the_file_asks_for_it(tiny_llama3: Path, tmp_path: Path) -> None:
    engine = load_llamacpp(convert(tiny_llama3, tmp_path / "x.gguf", family("llama3")), threads=1)
    bos = engine.tokenize("<|begin_of_text|>")
    assert len(bos) == 1
    ids = engine.prompt_tokens(CHAT)
    assert ids[:1] == bos and ids.count(bos[0]) == 1
    engine.template = "{{ bos_token }}" + engine.template
    assert engine.prompt_tokens(CHAT) == ids
    engine.close()


def test_pieces_add_up_to_the_answer(engine: LlamaCpp) -> None:
    pieces = []
    stream = engine.stream(CHAT, max_tokens=20)
    while True:
        try:
            pieces.append(next(stream))
        except StopIteration as end:
            whole = end.value
            break
    assert "".join(pieces) == whole.text
    assert 0 < whole.tokens <= 20
    assert whole.seconds > 0


def test_the_same_chat_gives_the_same_answer(engine: LlamaCpp, chatml_file: Path) -> None:
    once = answer(engine, CHATS[2], max_tokens=40)
    answer(engine, CHATS[1], max_tokens=5)
    assert answer(engine, CHATS[2], max_tokens=40).text == once.text
    other = load_llamacpp(chatml_file, num_ctx=2048, threads=1)
    assert answer(other, CHATS[2], max_tokens=40).text == once.text
    other.close()


def test_many_at_once_are_answered_as_one_by_one_and_in_order(engine: LlamaCpp) -> None:
    ended: list[int] = []

    def advance(steps: int = 1, note: str = "") -> None:
        ended.append(steps)

    many = [said.text for said in engine.answer_many(CHATS, max_tokens=30, advance=advance)]
    assert many == [answer(engine, chat, max_tokens=30).text for chat in CHATS]
    assert ended == [1] * len(CHATS)
    assert list(engine.answer_many([])) == []


def test_many_can_be_left_in_the_middle(engine: LlamaCpp) -> None:
    many = engine.answer_many(CHATS * 10, max_tokens=200)
    next(many)
    many.close()
    assert answer(engine, CHATS[0], max_tokens=5).tokens


def test_an_answer_can_be_left_in_the_middle(engine: LlamaCpp) -> None:
    stream = engine.stream(CHATS[4], max_tokens=200)
    next(stream)
    stream.close()
    assert answer(engine, CHATS[0], max_tokens=5).tokens


def test_an_answer_ends_at_the_end_of_turn(tiny_stopping_base: Path, tmp_path: Path) -> None:
    engine = load_llamacpp(convert(tiny_stopping_base, tmp_path / "x.gguf", family("chatml")), threads=1)
    said = answer(engine, CHAT)
    assert (said.text, said.tokens, said.stopped) == ("", 0, True)
    engine.close()


def test_the_limit_is_said(engine: LlamaCpp) -> None:
    said = answer(engine, CHAT, max_tokens=3)
    assert said.tokens == 3 and not said.stopped


def test_a_prompt_longer_than_the_context_is_refused_not_cut(engine: LlamaCpp) -> None:
    long = [Message("user", "singer " * 2000)]
    assert not engine.fits(long) and engine.fits(CHAT)
    with pytest.raises(SqlLlamaError, match="the context holds 1024"):
        answer(engine, long)
    with pytest.raises(SqlLlamaError, match="the context holds 1024"):
        list(engine.answer_many([CHAT, long]))


def test_the_context_is_at_most_what_the_model_was_trained_for(chatml_file: Path) -> None:
    engine = load_llamacpp(chatml_file, num_ctx=100_000, threads=1)
    assert engine.num_ctx == 2048
    engine.close()
    engine.close()


def test_loading_and_answering_say_nothing(
    engine: LlamaCpp, chatml_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    other = load_llamacpp(chatml_file, threads=1)
    answer(other, CHAT, max_tokens=2)
    other.close()
    assert capfd.readouterr() == ("", "")


def test_what_is_no_model_is_said_in_one_line(
    chatml_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = chatml_file.read_bytes()
    files = {"cut.gguf": whole[: len(whole) // 2], "head.gguf": whole[:100], "text.gguf": b"hello", "empty.gguf": b""}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    for path in [tmp_path / name for name in files] + [tmp_path / "missing.gguf", tmp_path]:
        with pytest.raises(DataError) as caught:
            load_llamacpp(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value) and caught.value.fix
    assert capfd.readouterr() == ("", "")


def test_a_lora_answers_as_the_merged_file_does(
    engine: LlamaCpp, chatml_file: Path, tiny_base: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    lora = adapter_gguf(tiny_base, tiny_adapter, tmp_path / "lora.gguf")
    tuned = load_llamacpp(chatml_file, adapter=lora, num_ctx=1024, threads=2)
    merged = load_llamacpp(
        convert(tiny_base, tmp_path / "merged.gguf", family("chatml"), merge(tiny_base, tiny_adapter)), threads=2
    )
    ours, wanted, without = ([said.confidence or 0 for said in one.answer_many(CHATS, max_tokens=1)]
                             for one in (tuned, merged, engine))  # fmt: skip
    assert ours == pytest.approx(wanted, rel=0.1) and ours != pytest.approx(without, rel=0.2)
    said = [one.text for one in tuned.answer_many(CHATS, max_tokens=6)]
    same = [one.text for one in merged.answer_many(CHATS, max_tokens=6)]
    assert sum(one == other for one, other in zip(said, same, strict=True)) >= 4  # a near-tie may fall otherwise
    assert said != [one.text for one in engine.answer_many(CHATS, max_tokens=6)]
    beams = next(tuned.candidates(CHATS, beams=2, max_tokens=6))
    assert beams[0].confidence and beams[0].confidence >= 0.98 * (answer(tuned, CHATS[0], max_tokens=6).confidence or 1)
    assert (tuned.name, tuned.facts["adapter"]) == ("tiny+lora", "lora.gguf") and tuned.identity != engine.identity
    for one in (tuned, merged):
        one.close()
        one.close()


def said_by(engine: LlamaCpp) -> list[Answer]:
    """Every bit that counts: tokens and their exact probability, without the seconds."""
    alone = [answer(engine, chat, max_tokens=8) for chat in CHATS[:3]]
    return [replace(said, seconds=0.0) for said in [*alone, *engine.answer_many(CHATS[3:], max_tokens=8)]]


def test_adapters_are_switched_over_one_base_as_if_each_were_alone(
    chatml_file: Path, tiny_base: Path, tiny_adapter: Path, make_tiny_adapter: Callable[..., Any], tmp_path: Path
) -> None:
    make_tiny_adapter(tiny_base, tmp_path / "other", r=2, lora_alpha=16, target_modules=["v_proj", "up_proj"])
    first = adapter_gguf(tiny_base, tiny_adapter, tmp_path / "first.gguf")
    other = adapter_gguf(tiny_base, tmp_path / "other", tmp_path / "other.gguf")
    wanted = {}
    for name, path in {"": None, "first": first, "other": other}.items():
        alone = load_llamacpp(chatml_file, adapter=path, num_ctx=1024, threads=2)
        wanted[name] = said_by(alone)
        alone.close()
    assert len({tuple(said) for said in wanted.values()}) == 3
    engine = load_llamacpp(chatml_file, num_ctx=1024, threads=2)
    base = engine.beside()
    assert said_by(engine) == wanted[""]
    engine.add_adapter(first)
    engine.add_adapter(other)  # after the context was made
    for name in ("other", "first", "", "first", "other", ""):
        engine.use(name)
        assert said_by(engine) == wanted[name]
        assert engine.name == ("tiny+" + name if name else "tiny")
        assert said_by(base) == wanted[""] and base.name == "tiny"
    with pytest.raises(DataError, match=r"third: no adapter of that name \(one of first, other\)"):
        engine.use("third")
    engine.close()
    assert said_by(base) == wanted[""]  # it holds the weights still
    base.close()
    base.close()


def test_two_engines_over_one_file_answer_at_the_same_time(
    chatml_file: Path, tiny_base: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    tuned = load_llamacpp(chatml_file, num_ctx=1024, threads=1)
    base = tuned.beside()
    tuned.add_adapter(adapter_gguf(tiny_base, tiny_adapter, tmp_path / "lora.gguf"))
    alone = [said_by(tuned), said_by(base)]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(said_by, [tuned, base])) == alone
    base.close()
    tuned.close()


def test_a_second_adapter_that_does_not_fit_changes_nothing(
    chatml_file: Path, tiny_base: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    lora = adapter_gguf(tiny_base, tiny_adapter, tmp_path / "lora.gguf")
    engine = load_llamacpp(chatml_file, adapter=lora, num_ctx=1024, threads=2)
    before = said_by(engine)
    (tmp_path / "elsewhere").mkdir()
    for path in (tmp_path / "gone.gguf", chatml_file, Path(shutil.copy(lora, tmp_path / "elsewhere"))):
        with pytest.raises(DataError, match=path.name):
            engine.add_adapter(path)
    engine.add_adapter(lora)  # once more is once
    assert said_by(engine) == before and list(engine.adapters) == ["lora"]
    engine.close()


@pytest.mark.filterwarnings("ignore::UserWarning:peft")  # it says what it saves beside an embedding
def test_a_lora_that_does_not_fit_is_one_line_and_nothing_stays_loaded(
    chatml_file: Path,
    tiny_base: Path,
    tiny_llama3: Path,
    tiny_adapter: Path,
    make_tiny_adapter: Callable[..., Any],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    import psutil

    text = tmp_path / "text.gguf"
    text.write_text("hello")
    own = Path(shutil.copy(chatml_file, tmp_path / "own.gguf"))
    lora = adapter_gguf(tiny_base, tiny_adapter, tmp_path / "lora.gguf")
    whole = lora.read_bytes()
    (tmp_path / "other.gguf").write_bytes(whole.replace(b"blk.1.attn_q", b"blk.7.attn_q"))
    (tmp_path / "model.gguf").write_bytes(whole.replace(b"\x07\0\0\0\0\0\0\0adapter", b"\x07\0\0\0\0\0\0\0adopted"))
    make_tiny_adapter(tiny_llama3, tmp_path / "narrow", target_modules=["embed_tokens"])
    narrow = adapter_gguf(tiny_llama3, tmp_path / "narrow", tmp_path / "narrow.gguf")
    capfd.readouterr()  # what making them said
    wrong = [tmp_path / "other.gguf", tmp_path / "model.gguf", narrow, chatml_file, text, tmp_path / "gone.gguf"]
    before = 0
    for turn in range(8):
        for path in wrong:
            with pytest.raises(DataError) as caught:
                load_llamacpp(own, adapter=path, threads=1)
            assert str(path) in str(caught.value) and "\n" not in str(caught.value) and caught.value.fix
        if turn == 1:
            before = psutil.Process().memory_info().rss
    assert psutil.Process().memory_info().rss - before < 8 * 2**20  # a model that stayed would be 0.3 MB each time
    assert str(own) not in Path("/proc/self/maps").read_text()
    assert capfd.readouterr() == ("", "")
