"""A library of clients for cities' report APIs: knows HTTP; knows no Qt, no SQL, no console."""
