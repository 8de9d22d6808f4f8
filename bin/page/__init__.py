"""A run as a page to look at: one HTML file that needs nothing but itself."""

from bin.page.report import page

__all__ = ["page"]
