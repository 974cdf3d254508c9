"""What is noted on a branch that neonsync makes: by which version, for whom, from where."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from neonsync import __version__, who
from neonsync.neon.models import ANNOTATION_KEY

REQUEST_KEY = "neonsync-request"
_LONGEST = 200


def annotation(environ: Mapping[str, str], run_id: str = "") -> dict[str, str]:
    """The annotation of a new branch, with a token by which this very request is known again.

    ``run_id`` is the run that it is for; a branch that is for none has the workflow's run.
    """
    noted = {
        ANNOTATION_KEY: __version__,
        REQUEST_KEY: secrets.token_hex(8),
        "neonsync-user": who.user(environ),
        "neonsync-host": who.host(),
        "neonsync-run": run_id or who.from_actions(environ, "GITHUB_RUN_ID"),
        "neonsync-repository": who.from_actions(environ, "GITHUB_REPOSITORY"),
        "neonsync-commit": who.from_actions(environ, "GITHUB_SHA"),
    }
    return {name: value[:_LONGEST] for name, value in noted.items() if value}
