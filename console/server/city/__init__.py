"""One city's truth: its database, edits, feed, audit, media and users; knows no request and no answer."""
