"""The pages for phones: the citizens' page and the crew page, and what they ask of the server."""
