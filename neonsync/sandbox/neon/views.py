"""Records as Neon shows them in JSON."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from neonsync.sandbox.httpd import LOOPBACK
from neonsync.sandbox.neon.launcher import POSTGRES_VERSION
from neonsync.sandbox.neon.state import Branch, Database, Endpoint, Operation, Role, State

DOMAIN = "sandbox.localhost"
REGION = "aws-us-east-1"
OWNER = "00000000-0000-4000-8000-000000000001"

JsonObject = dict[str, Any]


def project_view(state: State, history_seconds: float, size_limit: int) -> JsonObject:
    """The project, with what both its list item and its details have."""
    return {
        "id": state.project_id,
        "platform_id": "aws",
        "region_id": REGION,
        "name": "sandbox",
        "provisioner": "k8s-neonvm",
        "pg_version": POSTGRES_VERSION,
        "proxy_host": DOMAIN,
        "default_endpoint_settings": {},
        "settings": {},
        "branch_logical_size_limit": size_limit // 2**20,
        "branch_logical_size_limit_bytes": size_limit,
        "store_passwords": True,
        "active_time": 0,
        "creation_source": "console",
        "history_retention_seconds": int(history_seconds),
        "data_storage_bytes_hour": 0,
        "consumption_period_start": state.created_at,
        "consumption_period_end": state.created_at,
        "created_at": state.created_at,
        "updated_at": state.created_at,
        "owner_id": OWNER,
        **_NOTHING_USED,
    }


def branch_view(branch: Branch, project_id: str) -> JsonObject:
    """A branch; what does not apply to it is left out, as in Neon."""
    return {
        "id": branch.id,
        "project_id": project_id,
        "name": branch.name,
        "current_state": branch.current_state,
        "state_changed_at": branch.state_changed_at,
        "creation_source": "console",
        "primary": branch.default,
        "default": branch.default,
        "protected": branch.protected,
        "init_source": branch.init_source,
        "created_at": branch.created_at,
        "updated_at": branch.updated_at,
        # Neon adds fields as it likes: clients must bear one that they do not know.
        "sandbox_unheard_of": {"since": branch.created_at},
        **_NOTHING_USED,
        **_present(
            pending_state=branch.pending_state,
            parent_id=branch.parent_id,
            parent_lsn=branch.parent_lsn,
            parent_timestamp=branch.parent_timestamp,
            logical_size=branch.logical_size,
            expires_at=branch.expires_at,
            last_reset_at=branch.last_reset_at,
        ),
    }


def annotation_view(branch: Branch) -> JsonObject:
    """What a client noted about a branch when it made it."""
    return {
        "object": {"type": "console/branch", "id": branch.id},
        "value": branch.annotation,
        "created_at": branch.created_at,
        "updated_at": branch.created_at,
    }


def endpoint_view(endpoint: Endpoint, project_id: str) -> JsonObject:
    """An endpoint."""
    return {
        "id": endpoint.id,
        "host": host(endpoint),
        "project_id": project_id,
        "branch_id": endpoint.branch_id,
        "autoscaling_limit_min_cu": endpoint.min_cu,
        "autoscaling_limit_max_cu": endpoint.max_cu,
        "region_id": REGION,
        "type": endpoint.type,
        "current_state": endpoint.current_state,
        "settings": {},
        "pooler_enabled": False,
        "pooler_mode": "transaction",
        "disabled": endpoint.disabled,
        "passwordless_access": True,
        "creation_source": "console",
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
        "proxy_host": DOMAIN,
        "suspend_timeout_seconds": endpoint.suspend_timeout_seconds,
        "provisioner": "k8s-neonvm",
        **_present(started_at=endpoint.started_at, suspended_at=endpoint.suspended_at),
    }


def operation_view(operation: Operation, project_id: str) -> JsonObject:
    """An operation."""
    return {
        "id": operation.id,
        "project_id": project_id,
        "action": operation.action,
        "status": operation.status,
        "failures_count": operation.failures,
        "created_at": operation.created_at,
        "updated_at": operation.updated_at,
        "total_duration_ms": operation.total_duration_ms,
        **_present(
            branch_id=operation.branch_id,
            endpoint_id=operation.endpoint_id,
            error=operation.error,
        ),
    }


def role_view(role: Role, branch: Branch) -> JsonObject:
    """A role, without its password."""
    return {
        "branch_id": branch.id,
        "name": role.name,
        "protected": False,
        "created_at": role.created_at,
        "updated_at": role.created_at,
    }


def database_view(database: Database, branch: Branch) -> JsonObject:
    """A database."""
    return {
        "id": database.id,
        "branch_id": branch.id,
        "name": database.name,
        "owner_name": database.owner_name,
        "created_at": database.created_at,
        "updated_at": database.created_at,
    }


def connection_view(endpoint: Endpoint, role: Role, database: Database) -> JsonObject:
    """An address, whole and in its parts, as in the reply to a new branch."""
    return {
        "connection_uri": address(endpoint, role, database),
        "connection_parameters": {
            "database": database.name,
            "password": role.password,
            "role": role.name,
            "host": host(endpoint),
            "pooler_host": host(endpoint, pooled=True),
        },
    }


def address(endpoint: Endpoint, role: Role, database: Database, *, pooled: bool = False) -> str:
    """The connection URI.

    The host's name does not resolve on every system: hostaddr tells libpq where it is.
    """
    user, password = quote(role.name, safe=""), quote(role.password, safe="")
    return (
        f"postgresql://{user}:{password}@{host(endpoint, pooled=pooled)}:{endpoint.port}"
        f"/{quote(database.name, safe='')}?hostaddr={LOOPBACK}"
    )


def host(endpoint: Endpoint, *, pooled: bool = False) -> str:
    """The endpoint's host; the pooled one is another name for the same server here."""
    return f"{endpoint.id}{'-pooler' if pooled else ''}.{DOMAIN}"


def _present(**values: Any) -> JsonObject:
    return {name: value for name, value in values.items() if value is not None}


_NOTHING_USED: JsonObject = {
    "cpu_used_sec": 0,
    "active_time_seconds": 0,
    "compute_time_seconds": 0,
    "written_data_bytes": 0,
    "data_transfer_bytes": 0,
}
