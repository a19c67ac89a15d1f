"""A library of views: knows Qt; knows no network, no SQL, no console."""
