"""The book as a page that needs no Python when it is read: ``python -m cnnbook.page``."""
