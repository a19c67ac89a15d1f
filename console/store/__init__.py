"""The client's two SQLite files and the only SQL of the client."""
