"""The base model in memory, as this machine can hold it, with an adapter to train."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import RecipeError, SqlLlamaError
from ..core.recipe import Recipe
from ..engines.huggingface import compute_dtype
from ..models.tokens import read_tokenizer
from .processes import here

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def load_tokenizer(base: Path) -> "PreTrainedTokenizerBase":
    """Load the base's tokenizer, with a padding token that ends no turn; raises SqlLlamaError when it has none."""
    tokenizer: PreTrainedTokenizerBase = read_tokenizer(base)
    # TinyLlama's says that it pads with </s>, which ends an answer
    if tokenizer.pad_token_id is None or tokenizer.pad_token == "</s>":
        unused = [
            token
            for token in ("<|finetune_right_pad_id|>", "<|endoftext|>", "<pad>", "<unk>")
            if token in tokenizer.get_vocab()
        ]
        if not unused:
            raise SqlLlamaError(
                f"{base}: the tokenizer has no padding token", fix="give tokenizer_config.json a pad_token"
            )
        tokenizer.pad_token = unused[0]
    return tokenizer


def load_model(base: Path, recipe: Recipe, start: Path | None) -> Any:
    """Load a PeftModel over the frozen base, in NF4 or 16 bits; `start` is an adapter folder to go on from.

    Unpacked NF4 has the very values of NF4 in 16-bit tensors. The LoRA weights are float32: at QLoRA's learning rates
    bfloat16 would round most updates away.
    """
    import torch
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    dtype, process = compute_dtype(recipe.train.dtype), here()
    sharded = process.several and recipe.train.parallel == "fsdp"
    quantization = None
    if recipe.train.quantization != "none":
        quantization = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
            # FSDP spreads floating-point tensors only (huggingface/accelerate#3983). Not as bfloat16: copies of it on a
            # GPU go through float32, which changes the bits of what is no number, and so the weights packed in it
            bnb_4bit_quant_storage=torch.float32 if sharded else torch.uint8,
        )
    model = AutoModelForCausalLM.from_pretrained(
        base,
        dtype=dtype,
        quantization_config=quantization,
        attn_implementation="sdpa",
        device_map={"": process.local_index} if torch.cuda.is_available() else {"": "cpu"},
    )
    if recipe.train.quantization == "nf4-unpacked":
        model = model.dequantize(dtype=dtype)
    model.config.use_cache = False
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    if start is not None:
        model = PeftModel.from_pretrained(model, start, is_trainable=True)
        # the adapter's own name of its base would be looked up on the Hub whenever a checkpoint is saved
        model.peft_config["default"].base_model_name_or_path = str(base)
    else:
        lora = LoraConfig(
            r=recipe.lora.r,
            lora_alpha=recipe.lora.alpha,
            lora_dropout=recipe.lora.dropout,
            target_modules=_target_modules(model, recipe),
            use_rslora=recipe.lora.rslora,
            use_dora=recipe.lora.dora,
            task_type="CAUSAL_LM",
        )
        torch.manual_seed(recipe.train.seed)
        model = get_peft_model(model, lora)
    if torch.cuda.is_available():
        if recipe.train.compile:
            # all layers share one compiled graph
            for layer in model.get_base_model().model.layers:
                layer.compile(dynamic=True)
        else:
            use_liger(model)
    return model


def use_liger(model: Any) -> None:
    """Give a PeftModel on a GPU Liger's RMSNorm, SwiGLU and rotary embedding, where liger-kernel is installed.

    They keep less for the backward pass and run faster than those of transformers. An architecture that Liger does not
    know stays as it is.
    """
    try:
        from liger_kernel.transformers.monkey_patch import _apply_liger_kernel_to_instance
    except ImportError:
        return
    # the loss is our own: it takes logits only where answers are
    _apply_liger_kernel_to_instance(model=model.get_base_model(), cross_entropy=False, fused_linear_cross_entropy=False)


def _target_modules(model: Any, recipe: Recipe) -> str | list[str]:
    """peft's target_modules; raises RecipeError for a name that no linear layer of the decoder has."""
    import torch

    wanted = recipe.lora.target_modules
    if wanted == ("all-linear",):
        return "all-linear"
    decoder = model.get_decoder()
    linear = {name.rpartition(".")[2] for name, part in decoder.named_modules() if isinstance(part, torch.nn.Linear)}
    unknown = [name for name in wanted if name not in linear]
    if unknown or not wanted:
        problem = f"no linear layer of this base is named {unknown[0]}" if unknown else "names no layer"
        raise RecipeError(f"lora.target_modules: {problem}", fix=f"any of {', '.join(sorted(linear))}, or all-linear")
    return list(wanted)


def keep_float32(model: Any) -> None:
    """Make the trainable weights float32, whatever a trainer has cast them to."""
    import torch

    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(torch.float32)
