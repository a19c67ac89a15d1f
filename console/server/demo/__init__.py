"""The demo city: two years of a made-up Jakarta, and citizens and crews who go on living in it."""

from console.server.demo.earlier import fill_city
from console.server.demo.fill import fill, fill_present
from console.server.demo.living import Living

__all__ = ["Living", "fill", "fill_city", "fill_present"]
