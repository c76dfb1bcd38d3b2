"""An adapter and its base in, GGUF files, a Modelfile and a certificate out."""
