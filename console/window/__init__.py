"""The composition root: builds a window of panels, its child processes and sources; imports every room but `server`."""
