"""A chat in, the text of an answer out: llama.cpp, transformers, Ollama, and a scripted engine for tests."""
