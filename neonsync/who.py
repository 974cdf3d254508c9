"""Who sets something off, and from where: for annotations and the history."""

from __future__ import annotations

import getpass
import platform
from collections.abc import Mapping


def user(environ: Mapping[str, str]) -> str:
    """In Actions whoever set the workflow off, else the login name; empty for nobody."""
    if in_actions(environ) and environ.get("GITHUB_ACTOR"):
        return environ["GITHUB_ACTOR"]
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return ""


def host() -> str:
    """This machine's name, or empty."""
    return platform.node()


def in_actions(environ: Mapping[str, str]) -> bool:
    """Whether this runs inside GitHub Actions."""
    return environ.get("GITHUB_ACTIONS") == "true"


def from_actions(environ: Mapping[str, str], variable: str) -> str:
    """A variable of GitHub Actions; empty elsewhere, whatever the environment holds."""
    return environ.get(variable, "") if in_actions(environ) else ""
