"""A library of clients for cities' report APIs: knows HTTP; knows no Qt, no SQL, no console; imports nothing of ours.

It imports nothing itself: `api_client.model` is for everybody, also for who must not load an HTTP library.
"""
