"""neonsync: tables of an Athena lake, copied into a Neon branch and proved equal."""

__version__ = "0.1.0"
