"""A GGUF file and the model that it was made from in, a list of checks with what each measured out."""
