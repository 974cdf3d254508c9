"""Neon's host names: ep-quiet-moon-12345678[-pooler].region.aws.neon.tech."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

_POOLER = "-pooler"


def endpoint_of(host: str) -> str:
    """The id of the endpoint in a host's name, or empty where the name is not Neon's."""
    label, _, domain = host.lower().partition(".")
    return label.removesuffix(_POOLER) if domain and label.startswith("ep-") else ""


def without_pooler(uri: str) -> tuple[str, str]:
    """An address without its pooler, and what the user has to be told about it, or nothing.

    A pooler gives another session to each transaction, and takes settings away from it.
    """
    parts = urlsplit(uri)
    host = (parts.hostname or "").lower()
    label, dot, domain = host.partition(".")
    if not label.endswith(_POOLER):
        return uri, ""
    direct = f"{label.removesuffix(_POOLER)}{dot}{domain}"
    credentials, at, _ = parts.netloc.rpartition("@")
    port = f":{parts.port}" if parts.port else ""
    note = f"connecting to {direct}, without the pooler: a sync needs sessions of its own"
    return urlunsplit(parts._replace(netloc=f"{credentials}{at}{direct}{port}")), note
