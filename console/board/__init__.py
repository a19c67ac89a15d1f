"""The columnar picture of every cached report."""
