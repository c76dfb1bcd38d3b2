"""A run in, a repository on the Hugging Face Hub or a model in an Ollama registry out."""
