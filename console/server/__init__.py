"""The embedded report API, a program that the console meets over HTTP only; imports `rules` and `images`."""
