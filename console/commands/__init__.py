"""The commands of `sigap` that do more than call one part; they may import every room."""
