"""The AWS half of the sandbox: starts and stops the server and what is behind it."""

from __future__ import annotations

from pathlib import Path

from neonsync.sandbox.aws.athena import AthenaApi
from neonsync.sandbox.aws.catalogue import Catalogue, Database
from neonsync.sandbox.aws.executions import ExecutionStore
from neonsync.sandbox.aws.faults import Faults
from neonsync.sandbox.aws.glue import GlueApi
from neonsync.sandbox.aws.handler import AwsHandler, Backend
from neonsync.sandbox.aws.layout import BUCKET, DATABASE, Layout
from neonsync.sandbox.aws.objects import clear_incoming
from neonsync.sandbox.aws.options import AthenaOptions, AwsKeys
from neonsync.sandbox.aws.runner import QueryRunner
from neonsync.sandbox.aws.workgroups import WorkGroups
from neonsync.sandbox.httpd import LoopbackServer


class AwsService:
    """Athena, Glue and S3 on one port of 127.0.0.1.

    Everything is kept under ``root``: a later service with the same root has the same objects,
    catalogue and finished queries. ``port`` is a wish; ``self.port`` tells the real one.
    """

    bucket = BUCKET
    output_location = f"s3://{BUCKET}/athena-results/"
    database = DATABASE

    def __init__(
        self,
        root: Path,
        keys: AwsKeys,
        *,
        region: str = "us-east-1",
        port: int | None = None,
        options: AthenaOptions = AthenaOptions(),  # noqa: B008  frozen
    ) -> None:
        self.region = region
        self.faults = Faults()
        layout = Layout(root.resolve())
        (layout.s3 / BUCKET).mkdir(parents=True, exist_ok=True)
        layout.scratch.mkdir(parents=True, exist_ok=True)
        clear_incoming(layout.s3)
        catalogue = Catalogue(layout.catalogue)
        if not any(database.name == DATABASE for database in catalogue.databases()):
            catalogue.put_database(Database(DATABASE))
        store = ExecutionStore(layout.executions)
        groups = WorkGroups(layout.workgroups)
        self._runner = QueryRunner(
            store, catalogue, groups, layout.s3, layout.scratch, options, self.faults
        )
        athena = AthenaApi(store, self._runner, catalogue, groups, layout.s3)
        self._backend = Backend(keys, self.faults, athena, GlueApi(catalogue))
        # A class of its own: two services in one process must not share keys or files.
        own = {"backend": self._backend, "data_root": layout.s3, "region": region}
        handler = type("SandboxAwsHandler", (AwsHandler,), own)
        self._server = LoopbackServer(handler, port)

    @property
    def port(self) -> int:
        """The port that the service listens on."""
        return self._server.port

    @property
    def endpoint_url(self) -> str:
        """The address for the ``endpoint_url`` of clients, and for AWS_ENDPOINT_URL."""
        return self._server.url

    def start(self) -> None:
        """Serve in the background until ``stop``."""
        self._server.start()

    def stop(self) -> None:
        """Interrupt running queries, wait for their threads, close the port. Safe twice."""
        self._server.stop()
        self._runner.stop_all()
        self._backend.connections.close()
