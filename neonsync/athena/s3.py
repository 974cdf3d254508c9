"""boto3's client of S3, and ranged GETs at a third of the CPU that it takes for each."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import IO, Any, cast
from urllib.parse import quote

import boto3
import urllib3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import get_cert_path
from botocore.response import StreamingBody
from botocore.utils import get_environ_proxies

_PARTIAL_CONTENT = 206


class S3:
    """``client`` does everything but ranged GETs, as long as they succeed: small files are many.

    Those are signed by botocore's signer and sent by urllib3, to where the client has sent one of
    the bucket before. The first that does not succeed is asked again by the client, which knows
    attempts, redirects and errors, and all after it are asked by the client alone. So are all
    without a ``session``, behind a proxy, and where the client shows a certificate of its own.
    """

    def __init__(
        self, client: Any, session: boto3.Session | None = None, ca_bundle: str | None = None
    ) -> None:
        self.client = client
        config = client.meta.config
        proxies = config.proxies or get_environ_proxies(client.meta.endpoint_url)
        plain = not proxies and not config.client_cert
        self._credentials = session.get_credentials() if session and plain else None
        """None: the client is asked alone."""
        self._user_agent = config.user_agent
        self._http = urllib3.PoolManager(
            maxsize=config.max_pool_connections,
            timeout=urllib3.Timeout(connect=config.connect_timeout, read=config.read_timeout),
            ca_certs=ca_bundle or os.environ.get("REQUESTS_CA_BUNDLE") or get_cert_path(True),
            retries=False,
        )
        self._roots: dict[str, str] = {}
        """By bucket, what stands before a key in its address, of which botocore has many forms."""
        self._sent = threading.local()
        client.meta.events.register("before-send.s3.GetObject", self._note)

    def get(self, bucket: str, key: str, **parameters: str) -> Any:
        """The client's answer to ``get_object``."""
        answer = self.client.get_object(Bucket=bucket, Key=key, **parameters)
        self._roots[bucket] = self._sent.url.removesuffix(_quoted(key))
        return answer

    def get_range(self, bucket: str, key: str, etag: str, start: int, length: int) -> Any:
        """The same for ``length`` bytes of a version of an object, or of the answer the Body."""
        range_ = f"bytes={start}-{start + length - 1}"
        answer = self._send(bucket, key, {"Range": range_, "If-Match": etag})
        if answer is None:
            return self.get(bucket, key, Range=range_, IfMatch=etag)
        # It raises botocore's errors, as the client's own does.
        return {"Body": StreamingBody(cast(IO[bytes], answer), length)}

    def _note(self, request: Any, **_: Any) -> None:
        self._sent.url = request.url

    def _send(
        self, bucket: str, key: str, headers: dict[str, str]
    ) -> urllib3.BaseHTTPResponse | None:
        """The answer to a GET of some bytes, still to be read; None if it is no success."""
        root, credentials = self._roots.get(bucket), self._credentials
        if root is None or credentials is None:
            return None
        url = root + _quoted(key)
        request = AWSRequest("GET", url, headers)
        request.context["signing"] = {}
        keys = credentials.get_frozen_credentials()
        S3SigV4Auth(keys, "s3", self.client.meta.region_name).add_auth(request)
        signed = dict(request.headers.items())
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            answer = self._http.request(
                "GET",
                url,
                headers={**signed, "User-Agent": self._user_agent},
                preload_content=False,
                decode_content=False,
            )
            if answer.status == _PARTIAL_CONTENT:
                return answer
            answer.close()
        self._credentials = None
        return None


def _quoted(key: str) -> str:
    """A key as it stands in an address."""
    return quote(key, safe="/~")
