"""The embedded report API: a separate program that the console only meets over HTTP."""
