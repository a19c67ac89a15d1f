"""The demo city's streets: main lines as typed facts, all others invented from a seed; of `demo` it imports the wards.

It needs the packages of the extra `map`; who only fills the demo city reads `street_samples.py` instead.
"""
