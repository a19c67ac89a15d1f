"""The embedded report API, a program of its own that the console only meets over HTTP.

It may import the rules (console.domain) and the objects of the API (api_client.model), nothing else of ours.
"""
