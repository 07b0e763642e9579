"""Gradio 3 and 4 spoken on Gradio 6: `install.install()` teaches it the old words, for extensions' code alone."""
