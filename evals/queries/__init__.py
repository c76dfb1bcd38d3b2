"""Two queries as text in, what their syntax trees say out: hardness, components, likeness, causes of an error."""
