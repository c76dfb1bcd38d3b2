"""A schema, a question and its hints in, the chat for the model out: the one place where a prompt is made."""
