"""The sync process: pull, map, push."""
