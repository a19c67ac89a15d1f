"""The map page, icons, themes, sounds, translations, the layouts of cities' exports and the demo city's facts."""
