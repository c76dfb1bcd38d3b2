"""Chat templates (a Jinja and a Go twin per family) and the Ollama Modelfile."""
