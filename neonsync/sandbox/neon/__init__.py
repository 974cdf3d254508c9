"""A Neon of our own: its API v2 over real Postgres servers, one for each branch."""

from neonsync.sandbox.neon.errors import SandboxError
from neonsync.sandbox.neon.operations import Fate
from neonsync.sandbox.neon.servers import ComputeOptions
from neonsync.sandbox.neon.service import NeonOptions, NeonService

__all__ = ["ComputeOptions", "Fate", "NeonOptions", "NeonService", "SandboxError"]
