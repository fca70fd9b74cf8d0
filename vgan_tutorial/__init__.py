"""The companion package of the book: every piece the chapters explain, small and tested."""

__version__ = "0.1.0"
