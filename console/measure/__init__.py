"""What is measured on the whole program: a demo city in a cache, a city that gives no rest, the running window."""
