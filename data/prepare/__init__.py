"""Sources in, checked, balanced and split pairs with their data card out."""
