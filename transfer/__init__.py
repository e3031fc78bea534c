"""From a keyword or a folder of images to a classifier that can be trusted and served."""

__version__ = "0.1.0"
