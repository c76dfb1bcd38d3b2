"""The name of a chat template family in, its template twice (Jinja and Go) and the text of an Ollama Modelfile out."""
