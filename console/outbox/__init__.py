"""The life of an edit: work.db, its journal, drafts, what is sent next; imports `rules` and `files`."""
