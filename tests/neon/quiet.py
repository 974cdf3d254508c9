"""Branches of the sandbox that have no compute: made in no time, for tests of names and times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from neonsync.sandbox import Sandbox
from tests.sandbox.neon_fixtures import Client


@contextmanager
def quiet_branches(world: Sandbox, *names: str) -> Iterator[dict[str, str]]:
    """Branches of these names, with their ids; whatever is left of them is deleted at the end."""
    client = Client(world.neon, world.environment()["NEON_API_KEY"])
    made = {name: client.create(name, compute=False)["branch"]["id"] for name in names}
    try:
        yield made
    finally:
        for branch_id in made.values():
            client.idle()
            gone = client.call("DELETE", f"/branches/{branch_id}")
            if gone.status_code != 204:
                client.settle(gone)
