"""Loads files of reports and areas into a city, and says the outcome of every line."""

from console.server.loader.areas import load_areas, read_areas
from console.server.loader.load import load_file
from console.server.loader.progress import Stopped, check_and_tell, guess_and_tell, load_and_tell
from console.server.loader.result import LoadError, LoadResult, Remark

__all__ = [
    "LoadError",
    "LoadResult",
    "Remark",
    "Stopped",
    "check_and_tell",
    "guess_and_tell",
    "load_and_tell",
    "load_areas",
    "load_file",
    "read_areas",
]
