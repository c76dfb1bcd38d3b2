"""Your own database in, pairs about it and checks of your own pairs out."""
