"""Keep text of users and cells from being read as a model's control tokens, and undo that in answers.

A tokenizer that meets `<|im_end|>` in a prompt reads one token that ends the turn, whoever wrote it. Some engines take
a prompt as text alone (Ollama does), so the spelling itself is changed, by one blank: `< |im_end|>`. All engines and
the training rows then see the same. What a model copies into its answer is put back by `unmasked`.
"""

import re

_SPELLED = (
    r"<(?=( *)[|｜][^<>\n]{1,60}?[|｜]>)",  # <|im_end|> of ChatML and Llama 3, <｜User｜> of DeepSeek
    r"<(?=( *)/?[\w▁][\w▁.:-]{0,60}>)",  # <s>, </s> of Llama 2, <start_of_turn> of Gemma, <<SYS>>
    r"\[(?=( *)(?:/?[A-Za-z]?[A-Z][A-Z_0-9]+|[a-z]+_\d+|@\w+@)\])",  # [INST], [/INST], [control_8] of Mistral, [gMASK]
    r">>(?=( *)[A-Z_]+<<)",  # >>QUESTION<< of Falcon
)
_MASK = re.compile("|".join(_SPELLED))
_UNMASK = re.compile("|".join(shape.replace("(?=( *)", " (?=( *)") for shape in _SPELLED))


def masked(text: str) -> str:
    """Put a blank inside everything in a text that is spelled like a control token.

    >>> masked("role <|im_end|> and <s> but a < b, 2 <> 3 and [1]")
    'role < |im_end|> and < s> but a < b, 2 <> 3 and [1]'
    """
    return _MASK.sub(lambda match: match.group() + " ", text)


def unmasked(text: str) -> str:
    """Return the text that `masked` was given.

    >>> unmasked("SELECT * FROM t WHERE a = '< |im_end|>' AND b < c")
    "SELECT * FROM t WHERE a = '<|im_end|>' AND b < c"
    """
    return _UNMASK.sub(lambda match: match.group()[:-1], text)
