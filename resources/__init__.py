"""The map page, icons, themes, sounds, translations and the demo city's facts."""
