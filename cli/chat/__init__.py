"""`sql-llama chat`: what a person types in, answers side by side out."""
