"""What is noted on a branch that neonsync makes: by which version, for whom, from where."""

from __future__ import annotations

import getpass
import platform
import secrets
from collections.abc import Mapping

from neonsync import __version__
from neonsync.neon.models import ANNOTATION_KEY

REQUEST_KEY = "neonsync-request"
_LONGEST = 200
_FROM_ACTIONS = {
    "neonsync-repository": "GITHUB_REPOSITORY",
    "neonsync-commit": "GITHUB_SHA",
    "neonsync-workflow-run": "GITHUB_RUN_ID",
}


def annotation(environ: Mapping[str, str], run_id: str = "") -> dict[str, str]:
    """The annotation of a new branch, with a token by which this very request is known again."""
    noted = {
        ANNOTATION_KEY: __version__,
        REQUEST_KEY: secrets.token_hex(8),
        "neonsync-user": user(environ),
        "neonsync-host": platform.node(),
        "neonsync-run": run_id,
        **actions_of(environ),
    }
    return {name: value[:_LONGEST] for name, value in noted.items() if value}


def actions_of(environ: Mapping[str, str]) -> dict[str, str]:
    """Repository, commit and run, inside GitHub Actions; nothing elsewhere."""
    if environ.get("GITHUB_ACTIONS") != "true":
        return {}
    return {key: environ[name] for key, name in _FROM_ACTIONS.items() if environ.get(name)}


def user(environ: Mapping[str, str]) -> str:
    """Who does it: in Actions whoever set the workflow off, else the login name."""
    if environ.get("GITHUB_ACTIONS") == "true" and environ.get("GITHUB_ACTOR"):
        return environ["GITHUB_ACTOR"]
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return ""
