"""Where a sandbox keeps its AWS half on disk, and its fixed names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

BUCKET = "neonsync-sandbox"
DATABASE = "lake"


@dataclass(frozen=True)
class Layout:
    """The directories and files under a sandbox's root."""

    root: Path

    @property
    def s3(self) -> Path:
        """One directory for each bucket, one plain file for each object."""
        return self.root / "s3"

    @property
    def catalogue(self) -> Path:
        """The Glue catalogue."""
        return self.root / "catalogue.json"

    @property
    def executions(self) -> Path:
        """One JSON file for each Athena query."""
        return self.root / "athena"

    @property
    def scratch(self) -> Path:
        """What queries spill that do not fit into memory."""
        return self.root / "scratch"

    @property
    def workgroups(self) -> Path:
        """Athena's workgroups and their prepared statements."""
        return self.root / "workgroups.json"
