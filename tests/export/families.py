"""Random models of every family: transformers' class, and a tokenizer trained on the spot."""

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sql_llama.modelfiles.templates import family
from sql_llama.models.byte_level import LLAMA3_SPLIT, QWEN2_SPLIT, TEKKEN_SPLIT

TEXT = [
    "SELECT name, count(*) FROM singer WHERE age > 20 GROUP BY name ORDER BY name",
    "How many singers are there? <<SYS>> schema ### Input: [INST] don't HAVING (2014)",
    "    indented   text\tand née Ünlü 日本語 'quoted'",
]


@dataclass(frozen=True)
class Case:
    """A family: transformers' class, the chat family, what its tokenizer and config say."""

    kind: str  # Llama, Mistral, Qwen2
    chat: str
    tokenizer: str  # spm, or a key of SPLITS
    pre: str = "default"
    config: dict[str, Any] = field(default_factory=dict)
    legacy: bool = False  # as tokenizer_config.json's
    files: tuple[str, ...] = ("tokenizer.model", "tokenizer.json")
    special: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    scores: bool = True  # whether the reference has the true ones
    spare: int = 5  # rows of the embedding beyond the tokenizer's ids


LLAMA3_ROPE = {"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "low_freq_factor": 1.0}
LLAMA3_ROPE |= {"high_freq_factor": 4.0, "original_max_position_embeddings": 256}
YARN = {"rope_type": "yarn", "rope_theta": 1e6, "factor": 4.0, "original_max_position_embeddings": 512}
INST = ("[INST]", "[/INST]")
CHATML = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
LLAMA3 = ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
CASES = {
    "smollm2": Case("Llama", "chatml", "smollm", "smollm", {"tie_word_embeddings": True}, special=CHATML),
    "llama-3.1": Case("Llama", "llama3", "llama-bpe", "llama-bpe", {"rope_parameters": LLAMA3_ROPE}, special=LLAMA3),
    "llama-2": Case("Llama", "llama2", "spm", facts={"add_bos_token": True}),
    "llama-2-legacy": Case("Llama", "llama2", "spm", legacy=True),
    "llama-2-model-alone": Case("Llama", "llama2", "spm", files=("tokenizer.model",)),
    "llama-2-json-alone": Case("Llama", "plain", "spm", files=("tokenizer.json",), scores=False, spare=0),
    "tinyllama": Case("Llama", "plain", "spm", config={"num_key_value_heads": 1}),
    "codellama": Case(
        "Llama",
        "plain",
        "spm",
        config={"vocab_size": 32016, "rope_parameters": {"rope_type": "default", "rope_theta": 1e6}},
    ),
    "biases": Case(
        "Llama",
        "plain",
        "spm",
        config={
            "attention_bias": True,
            "mlp_bias": True,
            "rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4},
        },
    ),
    "mistral-0.1": Case("Mistral", "mistral", "spm", config={"sliding_window": 4096}, legacy=True),
    "mistral-0.3": Case("Mistral", "mistral", "spm", config={"head_dim": 32}, special=INST),
    "mistral-nemo": Case(
        "Mistral", "mistral", "tekken", "tekken", {"head_dim": 32}, special=("<unk>", "<s>", "</s>", *INST)
    ),
    "qwen-2.5": Case("Qwen2", "chatml", "qwen2", "qwen2", {"tie_word_embeddings": True}, special=CHATML),
    "qwen-2.5-yarn": Case("Qwen2", "chatml", "qwen2", "qwen2", {"rope_parameters": YARN}, special=CHATML),
}
SPLITS = {"llama-bpe": LLAMA3_SPLIT, "tekken": TEKKEN_SPLIT, "qwen2": QWEN2_SPLIT}


def build(case: Case, folder: Path) -> Path:
    """The model folder of a case, as the Hub has it."""
    folder.mkdir(parents=True)
    texts = spm(case, folder) if case.tokenizer == "spm" else bytes_bpe(case, folder)
    weights(case, folder, texts)
    return folder


def spm(case: Case, folder: Path) -> dict[str, int]:
    """tokenizer.model by SentencePiece, and the tokenizer.json that transformers makes of its pieces."""
    from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
    from transformers import LlamaTokenizer
    from transformers.convert_slow_tokenizer import generate_merges

    out = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT * 9),
        model_writer=out,
        model_type="bpe",
        vocab_size=420,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True,
        split_digits=True,
        control_symbols=list(case.special),
        hard_vocab_limit=False,
        minloglevel=2,
    )
    (folder / "tokenizer.model").write_bytes(out.getvalue())
    model = SentencePieceProcessor(model_proto=out.getvalue())
    pieces = {model.IdToPiece(i): i for i in range(model.vocab_size())}
    scores = {piece: model.GetScore(i) for piece, i in pieces.items()}
    special = [piece for piece, i in pieces.items() if model.IsControl(i) or model.IsUnknown(i)]
    merges = generate_merges(pieces, scores, special)
    tokenizer = LlamaTokenizer(vocab=pieces, merges=merges, legacy=case.legacy, extra_special_tokens=list(case.special))
    tokenizer.save_pretrained(folder)
    facts = {"tokenizer_class": "LlamaTokenizer", "legacy": case.legacy, "add_eos_token": False, **case.facts}
    facts |= {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "add_bos_token": True}
    if "tokenizer.json" in case.files:
        flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
        facts["added_tokens_decoder"] = {str(pieces[piece]): {"content": piece, **flags} for piece in special}
    (folder / "tokenizer_config.json").write_text(json.dumps(facts))
    for name in {"tokenizer.model", "tokenizer.json"} - set(case.files):
        (folder / name).unlink()
    return pieces


def bytes_bpe(case: Case, folder: Path) -> dict[str, int]:
    """A tokenizer.json as the Hub has it for each way to split text."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    whole = case.tokenizer in ("llama-bpe", "tekken")
    tokenizer = Tokenizer(models.BPE(ignore_merges=whole))
    if case.tokenizer == "smollm":
        split: pre_tokenizers.PreTokenizer = pre_tokenizers.Digits(individual_digits=True)
    else:
        split = pre_tokenizers.Split(Regex(SPLITS[case.tokenizer]), "isolated")
    if case.tokenizer == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    by_regex = case.tokenizer == "smollm"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=by_regex)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=list(case.special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    # as in Qwen2.5: one that is not special, and one that is not but looks it
    tokenizer.add_tokens([AddedToken("<tool_call>", normalized=False), AddedToken("<|fim_prefix|>", normalized=False)])
    tokenizer.save(str(folder / "tokenizer.json"))
    ends = family(case.chat)
    facts: dict[str, Any] = {"eos_token": ends.end_of_turn, "add_bos_token": ends.bos, "add_eos_token": False}
    facts |= {"pad_token": case.special[0], "add_prefix_space": False, "tokenizer_class": "PreTrainedTokenizerFast"}
    facts["bos_token"] = {"chatml": None, "llama3": "<|begin_of_text|>", "mistral": "<s>"}[case.chat]
    if case.kind == "Qwen2":
        facts["tokenizer_class"] = "Qwen2Tokenizer"
    (folder / "tokenizer_config.json").write_text(json.dumps({**facts, **case.facts}))
    ids: dict[str, int] = tokenizer.get_vocab()
    return ids


def weights(case: Case, folder: Path, texts: dict[str, int]) -> None:
    import torch
    import transformers

    torch.manual_seed(3)
    shape = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
    shape |= {"num_key_value_heads": 2, "max_position_embeddings": 2048, "vocab_size": len(texts) + case.spare}
    numbers = {"bos_token_id": texts.get("<s>"), "eos_token_id": texts[family(case.chat).end_of_turn]}
    config = getattr(transformers, f"{case.kind}Config")(
        **{**shape, **numbers, "initializer_range": 0.2, **case.config}
    )
    model = getattr(transformers, f"{case.kind}ForCausalLM")(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("bias", "norm.weight")):
                parameter += 0.3 * torch.randn(parameter.shape)
    model.to(torch.bfloat16).save_pretrained(folder)
