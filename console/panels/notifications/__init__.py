"""What others do, and what an operator must not miss, told wherever he is."""
