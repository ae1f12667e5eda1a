"""A terminal console in which a person learns PostgreSQL high availability by doing it."""

__version__ = "0.1.0"
