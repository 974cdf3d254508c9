"""The sandbox: a world outside the product, with Athena, Glue, S3 and Neon on this machine.

Nothing here knows the engine, and the engine knows nothing of this: they meet over sockets,
through boto3, pyathena, neon-api and psycopg.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neonsync.sandbox.neon import SandboxError
    from neonsync.sandbox.world import Sandbox

__all__ = ["Sandbox", "SandboxError"]


def __getattr__(name: str) -> Any:
    """Import the whole world only when it is asked for: its parts are used alone as well."""
    if name in __all__:
        from neonsync.sandbox import world

        return getattr(world, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
