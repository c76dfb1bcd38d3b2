"""The name of a model in, a folder on the disk and what its files say out: config, tokenizer, weights, GGUF header."""
