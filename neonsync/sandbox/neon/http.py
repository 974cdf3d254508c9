"""The API over HTTP: checks who asks, injects faults, speaks JSON."""

from __future__ import annotations

import hmac
import json
import time
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, urlsplit

from neonsync.sandbox.httpd import host_is_local
from neonsync.sandbox.neon.distortion import distorted
from neonsync.sandbox.neon.errors import ApiError
from neonsync.sandbox.neon.faults import Fault, Faults
from neonsync.sandbox.neon.request import Reply, Request, Section

PREFIX = "/api/v2"
_LARGEST_BODY = 1_000_000


class ApiHandler(BaseHTTPRequestHandler):
    """Turns HTTP into requests and replies; ``handler_for`` binds it to a service."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_version = "neon-sandbox"
    sys_version = ""

    api_key: str
    faults: Faults
    answer: Callable[[Request], Reply]

    def _respond(self) -> None:
        body = self._read_body()
        fault = Fault()
        try:
            self._refuse_strangers()
            fault = self.faults.take(self.command)
            time.sleep(fault.delay_seconds)
            if fault.hang is not None:
                fault.hang.wait()
                self.close_connection = True
                return
            reply = fault.reply or type(self).answer(self._request(body))
            if fault.distort:
                reply = distorted(reply)
        except ApiError as error:
            reply = _refusal(error)
        # A client must get an answer, whatever breaks in here.
        except Exception as error:
            reply = _refusal(ApiError(500, f"internal error: {type(error).__name__}: {error}"))
        if fault.lost is None:
            self._send(reply)
        elif fault.lost.instead is not None:
            self._send(fault.lost.instead)
        else:
            self.close_connection = True

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _respond  # noqa: N815

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date header, by the sandbox's clock."""
        ahead = self.faults.clock.total_seconds()
        return super().date_time_string((timestamp or time.time()) + ahead)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the terminal is somebody else's."""

    def _read_body(self) -> bytes | None:
        """The body, None when it is too large; read first, so that the connection stays usable."""
        length = self.headers.get("Content-Length", "0")
        if (
            "Transfer-Encoding" in self.headers
            or not length.isascii()
            or not length.isdigit()
            or int(length) > _LARGEST_BODY
        ):
            self.close_connection = True
            return None
        return self.rfile.read(int(length))

    def _refuse_strangers(self) -> None:
        if not host_is_local(self.headers.get("Host")):
            raise ApiError(403, "this service answers to this machine only")
        scheme, _, key = self.headers.get("Authorization", "").partition(" ")
        known = hmac.compare_digest(key.strip().encode(), self.api_key.encode())
        if scheme.lower() != "bearer" or not known:
            raise ApiError(401, "supplied credentials do not pass authentication")

    def _request(self, body: bytes | None) -> Request:
        if body is None:
            raise ApiError(413, "the request's body is too large or has no length")
        parts = urlsplit(self.path)
        if not parts.path.startswith(f"{PREFIX}/"):
            raise ApiError(404, "this route does not exist")
        try:
            values = json.loads(body) if body.strip() else {}
        except ValueError as error:
            raise ApiError(400, "the request's body is not JSON") from error
        if not isinstance(values, dict):
            raise ApiError(400, "the request's body must be an object")
        return Request(
            method=self.command,
            path=parts.path.removeprefix(PREFIX).rstrip("/"),
            query=dict(parse_qsl(parts.query)),
            body=Section(values),
        )

    def _send(self, reply: Reply) -> None:
        html = isinstance(reply.body, str)
        text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
        payload = b"" if reply.body is None else text.encode()
        self.send_response(reply.status)
        if reply.body is not None:
            self.send_header("Content-Type", "text/html" if html else "application/json")
        if reply.status != 204:
            self.send_header("Content-Length", str(len(payload)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)


def handler_for(
    api_key: str, faults: Faults, answer: Callable[[Request], Reply]
) -> type[ApiHandler]:
    """A handler class of its own for a service: the server makes an instance per connection."""
    bound = {"api_key": api_key, "faults": faults, "answer": staticmethod(answer)}
    return type("NeonApi", (ApiHandler,), bound)


def _refusal(error: ApiError) -> Reply:
    request_id = str(uuid.uuid4())
    body = {"request_id": request_id, "code": error.code, "message": error.message}
    return Reply(error.status, body, {"X-Request-Id": request_id})
