"""The Sigap console: the only package that puts the parts together."""
