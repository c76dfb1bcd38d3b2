"""One text in, one text out: llama.cpp, Ollama, and a scripted engine for tests."""
