"""The map: a locked web page that draws what Python decides, and the one widget that holds it.

`widgets.map.scheme.register_scheme()` must run before the QApplication is made; `widgets.map.panel.MapPanel` is the
widget. Nothing is imported here, so that asking for the scheme does not load the whole engine.
"""
