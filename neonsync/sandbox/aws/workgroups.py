"""Workgroups and their prepared statements: kept in one JSON file, changed through the API."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from neonsync.sandbox.aws.errors import ApiError, invalid_request
from neonsync.sandbox.aws.paging import paged, with_token

Json = dict[str, Any]
PRIMARY = "primary"
ENGINE = {
    "SelectedEngineVersion": "AUTO",
    "EffectiveEngineVersion": "Athena engine version 3",
}
_LEAST_CUTOFF = 10_000_000
_NAME = re.compile(r"[a-zA-Z0-9._-]{1,128}")
_STATEMENT_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_@:]{1,256}")


@dataclass(frozen=True)
class PreparedStatement:
    """A statement with question marks, kept under a name."""

    statement: str
    description: str = ""
    modified: float = 0.0


@dataclass(frozen=True)
class WorkGroup:
    """A workgroup; ``configuration`` has the API's shape."""

    name: str
    description: str = ""
    state: str = "ENABLED"
    created: float = 0.0
    configuration: Json = field(default_factory=dict)
    prepared: dict[str, PreparedStatement] = field(default_factory=dict)

    @property
    def output_location(self) -> str:
        """Where results go unless a query says otherwise; '' where nothing is set."""
        return str((self.configuration.get("ResultConfiguration") or {}).get("OutputLocation", ""))

    @property
    def is_enforced(self) -> bool:
        """Whether the workgroup's settings override those of a query."""
        return bool(self.configuration.get("EnforceWorkGroupConfiguration"))

    @property
    def cutoff(self) -> int | None:
        """The most bytes that one query may scan."""
        return self.configuration.get("BytesScannedCutoffPerQuery")


class WorkGroups:
    """The workgroups of one service; ``primary`` is always there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._groups = _load(path)
        if PRIMARY not in self._groups:
            configuration = _configured({"EnforceWorkGroupConfiguration": False})
            self._groups[PRIMARY] = WorkGroup(PRIMARY, configuration=configuration)

    def get(self, name: str) -> WorkGroup:
        """A workgroup; raises InvalidRequestException."""
        with self._lock:
            try:
                return self._groups[name]
            except KeyError:
                raise invalid_request(f"WorkGroup {name} is not found.") from None

    def every(self) -> list[WorkGroup]:
        """All workgroups, by name."""
        with self._lock:
            return [self._groups[name] for name in sorted(self._groups)]

    def put(self, group: WorkGroup) -> None:
        """Create a workgroup, or replace it."""
        with self._lock:
            self._groups[group.name] = group
            self._save()

    def drop(self, name: str) -> None:
        """Forget a workgroup."""
        with self._lock:
            del self._groups[self.get(name).name]
            self._save()

    def prepared(self, group: str, name: str) -> PreparedStatement | None:
        """A prepared statement, or None."""
        return self.get(group).prepared.get(name)

    def prepare(self, group: str, name: str, statement: PreparedStatement | None) -> None:
        """Keep a prepared statement, or forget it where it is None."""
        with self._lock:
            found = self.get(group)
            rest = {key: each for key, each in found.prepared.items() if key != name}
            kept = {} if statement is None else {name: statement}
            self.put(replace(found, prepared={**rest, **kept}))

    def _save(self) -> None:
        content = [asdict(group) for group in self._groups.values()]
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
        temporary.replace(self._path)


class WorkGroupApi:
    """The operations on workgroups and prepared statements."""

    def __init__(self, groups: WorkGroups) -> None:
        self._groups = groups
        self.operations: dict[str, Callable[[Json], Json]] = {
            "CreateWorkGroup": self._create,
            "GetWorkGroup": lambda r: {"WorkGroup": _described(groups.get(str(r["WorkGroup"])))},
            "UpdateWorkGroup": self._update,
            "DeleteWorkGroup": self._delete,
            "ListWorkGroups": self._list,
            "CreatePreparedStatement": self._create_statement,
            "GetPreparedStatement": self._get_statement,
            "BatchGetPreparedStatement": self._get_statements,
            "UpdatePreparedStatement": self._update_statement,
            "DeletePreparedStatement": self._delete_statement,
            "ListPreparedStatements": self._list_statements,
        }

    def _create(self, request: Json) -> Json:
        name = str(request["Name"])
        if not _NAME.fullmatch(name):
            raise invalid_request(f"Invalid WorkGroup name {name}")
        if any(group.name == name for group in self._groups.every()):
            raise invalid_request("WorkGroup is already created")
        configuration = _configured(request.get("Configuration") or {})
        description = str(request.get("Description") or "")
        group = WorkGroup(name, description, created=time.time(), configuration=configuration)
        self._groups.put(group)
        return {}

    def _update(self, request: Json) -> Json:
        group = self._groups.get(str(request["WorkGroup"]))
        updates = dict(request.get("ConfigurationUpdates") or {})
        results = dict(group.configuration.get("ResultConfiguration") or {})
        changes = dict(updates.pop("ResultConfigurationUpdates", None) or {})
        _apply(results, changes)
        configuration = {**group.configuration, "ResultConfiguration": results}
        _apply(configuration, updates)
        self._groups.put(
            replace(
                group,
                description=request.get("Description", group.description),
                state=request.get("State", group.state),
                configuration=_configured(configuration),
            )
        )
        return {}

    def _delete(self, request: Json) -> Json:
        group = self._groups.get(str(request["WorkGroup"]))
        if group.name == PRIMARY:
            raise invalid_request("WorkGroup primary cannot be deleted")
        if group.prepared and not request.get("RecursiveDeleteOption"):
            raise invalid_request(f"WorkGroup {group.name} is not empty")
        self._groups.drop(group.name)
        return {}

    def _list(self, request: Json) -> Json:
        page, token = paged(self._groups.every(), request, most=50)
        return with_token({"WorkGroups": [_summary(group) for group in page]}, token)

    def _create_statement(self, request: Json) -> Json:
        group, name = str(request["WorkGroup"]), str(request["StatementName"])
        if not _STATEMENT_NAME.fullmatch(name):
            raise invalid_request(f"Invalid prepared statement name {name}")
        if self._groups.prepared(group, name):
            raise invalid_request(f"Prepared statement {name} already exists")
        self._groups.prepare(group, name, _prepared(request))
        return {}

    def _get_statement(self, request: Json) -> Json:
        group, name = str(request["WorkGroup"]), str(request["StatementName"])
        return {"PreparedStatement": _described_statement(group, name, self._found(group, name))}

    def _get_statements(self, request: Json) -> Json:
        group = self._groups.get(str(request["WorkGroup"]))
        names = [str(name) for name in request["PreparedStatementNames"]]
        return {
            "PreparedStatements": [
                _described_statement(group.name, name, group.prepared[name])
                for name in names
                if name in group.prepared
            ],
            "UnprocessedPreparedStatementNames": [
                {
                    "StatementName": name,
                    "ErrorCode": "STATEMENT_NOT_FOUND",
                    "ErrorMessage": f"PreparedStatement {name} was not found",
                }
                for name in names
                if name not in group.prepared
            ],
        }

    def _update_statement(self, request: Json) -> Json:
        group, name = str(request["WorkGroup"]), str(request["StatementName"])
        self._found(group, name)
        self._groups.prepare(group, name, _prepared(request))
        return {}

    def _delete_statement(self, request: Json) -> Json:
        group, name = str(request["WorkGroup"]), str(request["StatementName"])
        self._found(group, name)
        self._groups.prepare(group, name, None)
        return {}

    def _list_statements(self, request: Json) -> Json:
        group = self._groups.get(str(request["WorkGroup"]))
        page, token = paged(sorted(group.prepared.items()), request, most=50)
        listed = [{"StatementName": n, "LastModifiedTime": each.modified} for n, each in page]
        return with_token({"PreparedStatements": listed}, token)

    def _found(self, group: str, name: str) -> PreparedStatement:
        found = self._groups.prepared(group, name)
        if found is None:
            message = f"PreparedStatement {name} was not found in workGroup {group}"
            raise ApiError("ResourceNotFoundException", message)
        return found


def _prepared(request: Json) -> PreparedStatement:
    statement, description = str(request["QueryStatement"]), str(request.get("Description") or "")
    return PreparedStatement(statement, description, time.time())


def _configured(given: Json) -> Json:
    """A configuration with Athena's defaults; raises InvalidRequestException."""
    location = str((given.get("ResultConfiguration") or {}).get("OutputLocation", ""))
    if location and not location.startswith("s3://"):
        raise invalid_request(f"outputLocation is not a valid S3 path: {location}")
    cutoff = given.get("BytesScannedCutoffPerQuery")
    if cutoff is not None and int(cutoff) < _LEAST_CUTOFF:
        raise invalid_request(
            f"1 validation error detected: Value '{cutoff}' at 'bytesScannedCutoffPerQuery' "
            "failed to satisfy constraint: Member must have value greater than or equal to "
            f"{_LEAST_CUTOFF}"
        )
    if (given.get("ManagedQueryResultsConfiguration") or {}).get("Enabled"):
        raise invalid_request("Managed query results are not supported by the sandbox")
    return {
        "ResultConfiguration": {},
        "EnforceWorkGroupConfiguration": True,
        "PublishCloudWatchMetricsEnabled": False,
        "RequesterPaysEnabled": False,
        **given,
        "EngineVersion": ENGINE,
    }


def _apply(settings: Json, updates: Json) -> None:
    """Set what is given; ``RemoveX`` takes X away."""
    for key, value in updates.items():
        if not key.startswith("Remove"):
            settings[key] = value
        elif value:
            settings.pop(key.removeprefix("Remove"), None)


def _described(group: WorkGroup) -> Json:
    return {
        "Name": group.name,
        "State": group.state,
        "Configuration": group.configuration,
        "Description": group.description,
        "CreationTime": group.created,
    }


def _summary(group: WorkGroup) -> Json:
    described = {**_described(group), "EngineVersion": ENGINE}
    described.pop("Configuration")
    return described


def _described_statement(group: str, name: str, statement: PreparedStatement) -> Json:
    described: Json = {
        "StatementName": name,
        "QueryStatement": statement.statement,
        "WorkGroupName": group,
        "LastModifiedTime": statement.modified,
    }
    return (
        {**described, "Description": statement.description}
        if statement.description
        else (described)
    )


def _load(path: Path) -> dict[str, WorkGroup]:
    if not path.exists():
        return {}
    groups = {}
    for raw in json.loads(path.read_text(encoding="utf-8")):
        prepared = {name: PreparedStatement(**each) for name, each in raw["prepared"].items()}
        groups[raw["name"]] = WorkGroup(**{**raw, "prepared": prepared})
    return groups
