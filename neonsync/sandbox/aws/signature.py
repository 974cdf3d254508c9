"""AWS Signature Version 4: verifies that a request was signed with the sandbox's keys."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from urllib.parse import parse_qsl, quote, unquote

from neonsync.sandbox.aws.options import AwsKeys

_ALGORITHM = "AWS4-HMAC-SHA256"
_FIELD = re.compile(r"(Credential|SignedHeaders|Signature)=([^,\s]+)")
_UNSIGNED = "UNSIGNED-PAYLOAD"


class Fault(Enum):
    """What is wrong with a request's signature."""

    MISSING = auto()
    UNKNOWN_KEY = auto()
    MISMATCH = auto()
    EXPIRED = auto()


@dataclass(frozen=True)
class Request:
    """What a signature covers. ``headers`` have lower-case names, ``path`` is as it was sent."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    payload_hash: str | None = None


@dataclass(frozen=True)
class _Claim:
    """What the client says that it has done."""

    access_key_id: str
    scope: str
    signed_headers: str
    signature: str
    timestamp: str
    payload_hash: str
    query: str


def signature_fault(request: Request, keys: AwsKeys) -> Fault | None:
    """What is wrong with the request's signature; None when it is good."""
    presigned = "X-Amz-Signature=" in request.query
    claim = _presigned_claim(request) if presigned else _header_claim(request)
    if claim is None:
        return Fault.MISSING
    if not hmac.compare_digest(claim.access_key_id.encode(), keys.access_key_id.encode()):
        return Fault.UNKNOWN_KEY
    if presigned and _is_over(request.query, claim.timestamp):
        return Fault.EXPIRED
    expected = _sign(request, claim, keys.secret_access_key)
    if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
        return Fault.MISMATCH
    return None


def _header_claim(request: Request) -> _Claim | None:
    header = request.headers.get("authorization", "")
    if not header.startswith(_ALGORITHM):
        return None
    fields = dict(_FIELD.findall(header))
    key_id, _, scope = fields.get("Credential", "").partition("/")
    # S3 clients name the hash of the body, or that there is none, in a signed header.
    stated = request.headers.get("x-amz-content-sha256", "")
    payload = request.payload_hash or stated or hashlib.sha256(b"").hexdigest()
    return _claim(fields, key_id, scope, request.headers.get("x-amz-date", ""), payload, request)


def _presigned_claim(request: Request) -> _Claim | None:
    parameters = dict(parse_qsl(request.query, keep_blank_values=True))
    fields = {
        "SignedHeaders": parameters.get("X-Amz-SignedHeaders", ""),
        "Signature": parameters.get("X-Amz-Signature", ""),
    }
    key_id, _, scope = parameters.get("X-Amz-Credential", "").partition("/")
    date = parameters.get("X-Amz-Date", "")
    return _claim(fields, key_id, scope, date, _UNSIGNED, request)


def _claim(
    fields: Mapping[str, str],
    key_id: str,
    scope: str,
    timestamp: str,
    payload_hash: str,
    request: Request,
) -> _Claim | None:
    signed = fields.get("SignedHeaders", "")
    signature = fields.get("Signature", "")
    complete = key_id and scope.count("/") == 3 and timestamp and signature
    # Without the Host header in it, a signature could be replayed elsewhere.
    if not complete or "host" not in signed.split(";"):
        return None
    query = "&".join(p for p in request.query.split("&") if not p.startswith("X-Amz-Signature="))
    return _Claim(key_id, scope, signed, signature, timestamp, payload_hash, query)


def _sign(request: Request, claim: _Claim, secret: str) -> str:
    names = claim.signed_headers.split(";")
    headers = "".join(
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in names
    )
    canonical = "\n".join(
        [
            request.method,
            request.path or "/",
            _canonical_query(claim.query),
            headers,
            claim.signed_headers,
            claim.payload_hash,
        ]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join([_ALGORITHM, claim.timestamp, claim.scope, digest])
    key = f"AWS4{secret}".encode()
    for part in claim.scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def _canonical_query(query: str) -> str:
    pairs = []
    for item in filter(None, query.split("&")):
        name, _, value = item.partition("=")
        pairs.append((_encode(name), _encode(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _encode(text: str) -> str:
    return quote(unquote(text), safe="-_.~")


def _is_over(query: str, timestamp: str) -> bool:
    seconds = dict(parse_qsl(query)).get("X-Amz-Expires", "")
    try:
        start = datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return datetime.now(UTC) > start + timedelta(seconds=int(seconds))
    except (ValueError, OverflowError):
        return True
