"""cache.db, the copy of what the servers say: its reader and its writer; imports `rules` and `files`."""
