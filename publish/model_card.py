"""The model card: README.md of a repository on the Hub, with the YAML block that the Hub reads."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from ..core.records import Column, ForeignKey, Hint, Schema, Table
from ..prompts.messages import messages
from .facts import Facts, Score

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

Kind = Literal["gguf", "adapter", "merged"]

LIBRARIES = {"gguf": "gguf", "adapter": "peft", "merged": "transformers"}
# Identifiers that the Hub knows among those of usual bases (huggingface.co/docs/hub/repositories-licenses)
LICENSES = (
    *("apache-2.0", "mit", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "openrail"),
    *("llama2", "llama3", "llama3.1", "llama3.2", "llama3.3", "bigcode-openrail-m", "gemma"),
)
ROLES = {"base": "base", "start": "start of the training", "tuned": "this model"}
TASK = "text-to-SQL"


def model_card(facts: Facts, kind: Kind, repository: str, files: Sequence[str]) -> str:
    """Return the text of README.md for what a run publishes as `repository` (owner/name); `files` are those beside it.

    It has no path of this machine: `facts` has none.
    """
    parts = [
        f"---\n{_front_matter(facts, kind)}\n---\n",
        f"# {facts.name}\n",
        _about(facts, kind),
        "## Use\n",
        {"gguf": _use_gguf, "adapter": _use_adapter, "merged": _use_merged}[kind](facts, repository, files),
        "## Prompt\n",
        _prompt(),
        "## Scores\n",
        _scores(facts, kind),
        "## Training\n",
        _training(facts),
        "## Certificate\n",
        _certificate(facts, kind),
        "## Licence\n",
        _licence(facts),
    ]
    return "\n".join(parts)


def _front_matter(facts: Facts, kind: Kind) -> str:
    from huggingface_hub import ModelCardData

    license = _hub_license(facts.recipe.base.license)
    tuned = next((score for score in facts.scores if score.model == "tuned"), None) if kind == "gguf" else None
    results = [_result(tuned)] if tuned is not None else None
    relation = "adapter" if kind == "adapter" else "finetune"
    data = ModelCardData(
        language="en",
        license=license or None,
        license_name=_slug(facts.recipe.base.license) if license == "other" else None,
        library_name=LIBRARIES[kind],
        pipeline_tag="text-generation",
        base_model=facts.base_hub or None,
        datasets=list(dict.fromkeys(source.hub for source in facts.sources if source.hub)) or None,
        tags=["text-to-sql", "sql", "sql-llama", *(["gguf", "ollama"] if kind == "gguf" else []), facts.family],
        model_name=facts.name if results else None,
        eval_results=results,
        base_model_relation=relation if facts.base_hub else None,
    )
    text: str = data.to_yaml()
    return text


def _result(score: Score) -> "EvalResult":
    """The score as the Hub's model index has it, with its number of questions and its interval in the name."""
    from huggingface_hub import EvalResult

    return EvalResult(
        task_type="text-generation",
        task_name=TASK,
        dataset_type="sql-llama-gate",
        dataset_name="Questions of sql-llama's export gate",
        metric_type="execution_accuracy",
        metric_name=f"execution accuracy ({score.n} questions, 95 % interval {score.low:.1%} to {score.high:.1%})",
        metric_value=round(score.value, 4),
    )


def _hub_license(license: str) -> str:
    """The Hub's identifier of a licence; `other` for those that it does not know, "" where none is stated."""
    if not license:
        return ""
    slug = _slug(license)
    return slug if slug in LICENSES else "other"


def _slug(license: str) -> str:
    return "-".join(license.lower().split())


def _about(facts: Facts, kind: Kind) -> str:
    base = f"[{facts.base}](https://huggingface.co/{facts.base_hub})" if facts.base_hub else facts.base
    what = {
        "gguf": "This model",
        "adapter": "This LoRA adapter",
        "merged": "This model (16-bit weights)",
    }[kind]
    return (
        f"{what} turns a question about a SQLite database into one query. It was fine-tuned from {base} with sql-llama "
        f"{facts.version}, recipe `{facts.recipe.name}`. Run its queries read-only: a model can write any SQL.\n"
    )


def _use_gguf(facts: Facts, repository: str, files: Sequence[str]) -> str:
    models = [name for name in files if name.endswith(".gguf")]
    lines = ["With [Ollama](https://ollama.com), straight from this repository:\n", "```sh"]
    lines += [f"ollama run hf.co/{repository}:{_type(name, facts.name)}" for name in models]
    lines += ["```\n", "Or download the files of this repository into a folder, and there:\n", "```sh"]
    lines += [f"ollama create {facts.name} -f Modelfile", f"ollama run {facts.name}", "```\n"]
    lines += ["With sql-llama, which reads the schema from the database and runs the query read-only:\n", "```sh"]
    lines += [f"sql-llama ask --model {models[0]} --db DATABASE.sqlite 'How many customers are there?'", "```\n"]
    lines += [
        "To check what an Ollama server really runs against the certificate in this repository:\n",
        "```sh",
        f"sql-llama verify ollama:{facts.name} --certificate certificate.json",
        "```\n",
    ]
    return "\n".join(lines if facts.certificate else lines[:-5] + lines[-1:])


def _type(file: str, name: str) -> str:
    """The type in a file's name, which is the tag of Ollama."""
    return file.rpartition("/")[2].removesuffix(".gguf").removeprefix(f"{name}-")


def _use_adapter(facts: Facts, repository: str, files: Sequence[str]) -> str:
    base = facts.base_hub or "PATH-OF-THE-BASE"
    over = ""
    if facts.trained_here and facts.recipe.train.quantization != "none":
        over = (
            "It was trained over the base in NF4 (QLoRA). Load the base in 4 bits to have what was trained; over the "
            "16-bit weights some answers differ.\n\n"
        )
    return (
        f"{over}```python\n"
        "from peft import AutoPeftModelForCausalLM\n"
        "from transformers import AutoTokenizer\n\n"
        f'model = AutoPeftModelForCausalLM.from_pretrained("{repository}")\n'
        f'tokenizer = AutoTokenizer.from_pretrained("{base}")\n'
        "```\n\n"
        "To make a GGUF file of it:\n\n"
        "```sh\n"
        f"sql-llama export --base {base} --adapter FOLDER --out NEW-FOLDER\n"
        "```\n"
    )


def _use_merged(facts: Facts, repository: str, files: Sequence[str]) -> str:
    return (
        "```python\n"
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        f'model = AutoModelForCausalLM.from_pretrained("{repository}")\n'
        f'tokenizer = AutoTokenizer.from_pretrained("{repository}")\n'
        'prompt = tokenizer.apply_chat_template(CHAT, add_generation_prompt=True, return_tensors="pt")\n'
        "```\n\n"
        "`CHAT` is a list of the two messages below.\n"
    )


def _prompt() -> str:
    schema = Schema(
        (
            Table("owners", (Column("id", "int", True), Column("city", "text", samples=("Oslo", "Paris")))),
            Table("pets", (Column("name", "text", samples=("Rex", "Tom")), Column("owner_id", "int"))),
        ),
        (ForeignKey("pets", "owner_id", "owners", "id"),),
    )
    system, user = messages(schema, "Which pets live in Oslo?", hints=(Hint("owners", "city", "Oslo"),))
    return (
        "The model answers best when it gets the prompts of its training. `sql-llama` makes them. The system "
        "message:\n\n"
        f"```\n{system.content}\n```\n\n"
        "The user message: one line per column with sample cells of text columns, then keys. The line `values:` names "
        "cells that the question mentions and may be left out.\n\n"
        f"```\n{user.content}\n```\n"
    )


def _scores(facts: Facts, kind: Kind) -> str:
    if not facts.scores:
        return "Not measured in this run.\n"
    lines = [
        "Execution accuracy: the share of questions whose query returns the same rows as the reference query.\n",
        "| model | right | 95 % interval | questions |",
        "|---|---|---|---|",
        *(
            f"| {ROLES[score.model]} | {score.value:.1%} | {score.low:.1%} to {score.high:.1%} | {score.n} |"
            for score in facts.scores
        ),
        "",
        *(f"- {line}" for line in facts.gate),
        "",
        "The questions are those of sql-llama's export gate: about databases of its own and, where the training had "
        "one, about a database of the user. They are few and not a public benchmark. All models were quantized alike "
        "and got the same prompts.",
    ]
    if kind != "gguf":
        lines.append("They were measured on the quantized GGUF file of this run.")
    return "\n".join(lines) + "\n"


def _training(facts: Facts) -> str:
    train = facts.recipe.train
    if facts.trained_here:
        how = {"none": "LoRA", "nf4": "QLoRA (NF4)", "nf4-unpacked": "QLoRA (NF4, unpacked)"}[train.quantization]
        lines = [f"- {how}, rank {facts.rank}, alpha {facts.alpha:g}, learning rate {train.learning_rate:g}"]
    else:
        lines = [f"- a LoRA adapter that was trained elsewhere, rank {facts.rank}, alpha {facts.alpha:g}"]
    if facts.training.get("steps"):
        shown = {"steps": "steps", "rows": "rows", "tokens": "tokens"}
        lines.append(
            "- " + ", ".join(f"{facts.training[key]:,} {shown[key]}" for key in shown if key in facts.training)
        )
    if "valid_loss" in facts.training and isinstance(facts.training["valid_loss"], float):
        lines.append(f"- validation loss {facts.training['valid_loss']:.4f}")
    if train.start != "base" and facts.trained_here:
        lines.append("- continued from an earlier adapter (`train.start`)")
    if facts.merge_base:
        lines.append(
            "- merged into " + ("the 16-bit base" if facts.merge_base == "base" else "the NF4 weights of the base")
        )
    if facts.pairs:
        pairs = f"{facts.pairs.get('train', 0):,} pairs to train and {facts.pairs.get('valid', 0):,} to validate"
        lines.append(f"- {pairs}; no database is in both parts, and every query was run")
    if facts.sources:
        lines += ["", "| data | licence | pairs |", "|---|---|---|"]
        lines += [
            f"| {_cell(_linked(source.name, source.hub))} | {_cell(source.license or 'not stated')} | {source.kept:,} |"
            for source in facts.sources
        ]
    return "\n".join(lines) + "\n"


def _linked(name: str, hub: str) -> str:
    return f"[{name}](https://huggingface.co/datasets/{hub})" if hub else name


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _certificate(facts: Facts, kind: Kind) -> str:
    certificate = facts.certificate
    if certificate is None:
        return "There is none: this file was exported without its checks.\n" if kind == "gguf" else "There is none.\n"
    which = "" if kind == "gguf" else "the GGUF file of the same run, "
    lines = [
        f"The export checked {which}`{certificate.file}` (sha256 `{certificate.sha256}`).\n",
        "| check | verdict | what was seen |",
        "|---|---|---|",
        *(f"| {check.name} | {check.verdict} | {_cell(check.said)} |" for check in certificate.checks),
    ]
    if certificate.contents:
        lines += ["", *(f"- {name}: `{digest}`" for name, digest in certificate.contents.items())]
    return "\n".join(lines) + "\n"


def _licence(facts: Facts) -> str:
    license = facts.recipe.base.license
    lines = [f"The base is under {license}." if license else "The licence of the base is not stated in the recipe."]
    if _slug(license).startswith("llama"):
        lines.append("Built with Llama. The licence of the base holds for this model too.")
    data = list(dict.fromkeys(source.license or "not stated" for source in facts.sources))
    if data:
        lines.append(f"Licences of the training data: {', '.join(data)}.")
    return " ".join(lines) + "\n"
