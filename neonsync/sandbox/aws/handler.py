"""The one port: checks who calls, then hands on to Athena, Glue or S3."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, BinaryIO, ClassVar
from urllib.parse import urlsplit

from localbucket import S3Error

from neonsync.sandbox.aws.athena import AthenaApi
from neonsync.sandbox.aws.errors import ApiError
from neonsync.sandbox.aws.faults import Break, Faults
from neonsync.sandbox.aws.glue import GlueApi
from neonsync.sandbox.aws.options import AwsKeys
from neonsync.sandbox.aws.s3 import ObjectStore
from neonsync.sandbox.aws.signature import Fault, Request, signature_fault
from neonsync.sandbox.httpd import host_is_local

_MOST_BODY = 16 * 1024 * 1024
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "AWS Secret Access Key and signing method. Consult the service documentation for details."
)
_JSON_FAULTS = {
    Fault.MISSING: ("MissingAuthenticationTokenException", "Missing Authentication Token"),
    Fault.UNKNOWN_KEY: (
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    ),
    Fault.MISMATCH: ("InvalidSignatureException", _MISMATCH),
    Fault.EXPIRED: (
        "ExpiredTokenException",
        "The security token included in the request is expired",
    ),
}
_S3_FAULTS = {
    Fault.MISSING: ("AccessDenied", "Access Denied"),
    Fault.UNKNOWN_KEY: (
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
    ),
    Fault.MISMATCH: ("SignatureDoesNotMatch", _MISMATCH),
    Fault.EXPIRED: ("AccessDenied", "Request has expired"),
}


class Connections:
    """The open connections of a service, to be cut when it stops."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._closed = False

    def add(self, connection: socket.socket) -> None:
        """Remember a connection; one that comes after the end is cut."""
        with self._lock:
            self._open.add(connection)
            if self._closed:
                _cut(connection)

    def discard(self, connection: socket.socket) -> None:
        """Forget a connection that has ended."""
        with self._lock:
            self._open.discard(connection)

    def close(self) -> None:
        """Cut all connections, as the end of a process would: clients keep theirs open."""
        with self._lock:
            self._closed = True
            for connection in self._open:
                _cut(connection)


@dataclass(frozen=True)
class Backend:
    """What a service's handlers share."""

    keys: AwsKeys
    faults: Faults
    athena: AthenaApi
    glue: GlueApi
    connections: Connections = field(default_factory=Connections)


class AwsHandler(ObjectStore):
    """Each service makes its own subclass, with its own ``backend`` and ``data_root``."""

    backend: ClassVar[Backend]

    def setup(self) -> None:
        """Prepare for a connection."""
        super().setup()
        self.backend.connections.add(self.connection)

    def finish(self) -> None:
        """Clean up after a connection."""
        self.backend.connections.discard(self.connection)
        super().finish()

    def do_POST(self) -> None:  # noqa: N802  the base's name
        """Answer an Athena or Glue call, or an S3 POST."""
        if self.headers.get("X-Amz-Target"):
            self._answer_json()
        else:
            super().do_POST()  # type: ignore[no-untyped-call]

    def do_OPTIONS(self) -> None:  # noqa: N802  the base's name
        """Refuse: no web page has business here."""
        self._send(HTTPStatus.FORBIDDEN)

    def _dispatch(self, action: Callable[[str, str], None]) -> None:
        try:
            self._check_s3_caller()
        except S3Error as error:
            self._send_error(error)
            return
        super()._dispatch(action)  # type: ignore[no-untyped-call]

    def _check_s3_caller(self) -> None:
        if not host_is_local(self.headers.get("Host")):
            raise S3Error(HTTPStatus.FORBIDDEN, "AccessDenied", "Host not allowed")
        fault = signature_fault(self._signed(None), self.backend.keys)
        if fault:
            raise S3Error(HTTPStatus.FORBIDDEN, *_S3_FAULTS[fault])
        faults = self.backend.faults
        if faults.keys_expired:
            raise S3Error(HTTPStatus.BAD_REQUEST, "ExpiredToken", "The provided token has expired.")
        is_object = "/" in urlsplit(self.path).path.strip("/")
        if self.command == "GET" and is_object and faults.take_s3_error():
            raise S3Error(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "InternalError",
                "We encountered an internal error. Please try again.",
            )

    def _send_file(
        self,
        status: HTTPStatus,
        file: BinaryIO,
        start: int,
        length: int,
        headers: Any,
        include_body: bool,
    ) -> None:
        how = self.backend.faults.take_break() if include_body else None
        if how is None:
            super()._send_file(status, file, start, length, headers, include_body)
            return
        self._send_headers(status, length, headers)
        self.connection.sendfile(file, start, length // 2)
        if how is Break.STALL:
            # Nothing more is said until the client has given up, or the service ends.
            self.connection.recv(1)
        self.close_connection = True

    def _read_body(self) -> bytes:
        body: bytes = super()._read_body()
        stated = self.headers.get("x-amz-content-sha256", "")
        # The signature covers the stated hash; the body is covered by comparing the two.
        if len(stated) == 64 and hashlib.sha256(body).hexdigest() != stated:
            raise S3Error(
                HTTPStatus.BAD_REQUEST,
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            )
        return body

    def _answer_json(self) -> None:
        try:
            answer = self._called()
        except ApiError as error:
            self._send_json(error.status, {"__type": error.code, "message": error.message})
        except (KeyError, TypeError, ValueError) as error:
            message = f"the request has not the shape that was expected: {error!r}"
            self._send_json(400, {"__type": "ValidationException", "message": message})
        else:
            self._send_json(200, answer)

    def _called(self) -> dict[str, Any]:
        length = int(self.headers.get("Content-Length") or 0)
        if not host_is_local(self.headers.get("Host")) or not 0 <= length <= _MOST_BODY:
            self.close_connection = True
            raise ApiError("AccessDeniedException", "Host not allowed, or body too large", 403)
        body = self.rfile.read(length)
        request = self._signed(hashlib.sha256(body).hexdigest())
        fault = signature_fault(request, self.backend.keys)
        if fault is None and self.backend.faults.keys_expired:
            fault = Fault.EXPIRED
        if fault:
            raise ApiError(*_JSON_FAULTS[fault])
        service, _, operation = str(self.headers["X-Amz-Target"]).partition(".")
        content = json.loads(body or b"{}")
        if not isinstance(content, dict):
            raise ApiError("SerializationException", "an object was expected")
        if service == "AWSGlue":
            return self.backend.glue.call(operation, content)
        if service == "AmazonAthena":
            if self.backend.faults.take_throttle():
                raise ApiError("ThrottlingException", "Rate exceeded")
            return self.backend.athena.call(operation, content)
        raise ApiError("UnknownOperationException", f"{service} is not known")

    def _send_json(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self._send(HTTPStatus(status), body, {"Content-Type": "application/x-amz-json-1.1"})

    def _signed(self, payload_hash: str | None) -> Request:
        url = urlsplit(self.path)
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            known = headers.get(name.lower())
            headers[name.lower()] = value if known is None else f"{known},{value}"
        return Request(self.command, url.path, url.query, headers, payload_hash)


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
