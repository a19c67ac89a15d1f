"""The command line and the palette: their grammar and what is typed into them."""
