"""The first configuration, and a real small call for each setting of it, before it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from neonsync.errors import ConfigError, NeonsyncError
from neonsync.secret import redact
from neonsync.services.context import Context, known_secrets
from neonsync.services.values import SetupField, Tested

if TYPE_CHECKING:
    from neonsync.athena.client import Athena
    from neonsync.settings import Lake

FIELDS = (
    "neon.project_id",
    "neon.api_key_file",
    "neon.keyring",
    "athena.database",
    "athena.workgroup",
    "athena.output_location",
    "athena.region",
)
_REFERENCES = ("neon.api_key_file", "neon.keyring")
"""Where the API key is, when no variable has it."""
_VARIABLES = ("NEON_API_KEY", "NEON_API_KEY_FILE")


class Setup:
    """What the form of a first start needs. Secrets go in by reference only."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def needed(self) -> str:
        """Why there must be a setup first; empty when there is a configuration that suffices.

        What is wrong in a file is none of it: that is for its owner to mend.
        """
        from neonsync.settings import overview

        seen = overview(flags={}, environ=self._context.environ, config=self._context.config)
        return seen.missing.message if seen.missing is not None and not seen.problems else ""

    def fields(self) -> tuple[SetupField, ...]:
        """What the form begins with: what is set now, by whatever."""
        from neonsync.settings import overview

        seen = overview(flags={}, environ=self._context.environ, config=self._context.config)
        shown = {each.name: each for each in seen.settings}
        found = []
        for name in FIELDS:
            value, origin = str(shown[name].value or ""), shown[name].origin
            if name in _REFERENCES and self._context.environ.get("NEON_API_KEY", "").strip():
                origin = "not needed: NEON_API_KEY is set, and goes before it"
            found.append(SetupField(name, value, origin))
        return tuple(found)

    def problem(self, name: str, value: str) -> str:
        """What is wrong with a value, empty for nothing. Quick: called at each key."""
        from neonsync.services.setup_file import parse

        value = value.strip()
        if name == "neon.project_id" and not value:
            if self._context.environ.get("NEON_CONNECTION_STRING", "").strip():
                return ""
            return "it is needed: the project's id stands in the console's address bar"
        try:
            parse(name, value)
        except ConfigError as error:
            return error.message
        return ""

    def test(self, name: str, values: Mapping[str, str]) -> Tested:
        """Try a setting for real, with the others as they are in the form."""
        try:
            message = self._try(name, values)
        except NeonsyncError as error:
            secrets = known_secrets(self._context.environ)
            return Tested(False, redact(error.message, *secrets), error.remedy)
        return Tested(True, message)

    def save(self, values: Mapping[str, str], path: Path) -> str:
        """Write the configuration; says what was done. Never writes a secret."""
        from neonsync.services.config_file import change
        from neonsync.services.setup_file import make, parse, render

        parsed = {name: parse(name, values.get(name, "").strip()) for name in FIELDS}
        if not path.exists():
            given = {name: value for name, value in parsed.items() if value}
            make(path, render(given, {}))
            return f"wrote {path}"
        changed = change(path, parsed, self._context.environ)
        return f"saved to {path}: {', '.join(changed)}" if changed else f"{path} says that already"

    def _try(self, name: str, values: Mapping[str, str]) -> str:
        if name.startswith("neon."):
            return self._neon(name, values)
        from neonsync.athena.client import Athena
        from neonsync.settings import load_lake

        context = self._context
        lake = load_lake(environ=context.environ, config=context.config, flags=_flags(values))
        tries: dict[str, Callable[[Athena, Lake], str]] = {
            "athena.database": _database,
            "athena.output_location": _location,
        }
        return tries.get(name, _workgroup)(Athena(lake.athena), lake)

    def _neon(self, name: str, values: Mapping[str, str]) -> str:
        from neonsync.neon.branches import Project
        from neonsync.services.context import hidden
        from neonsync.settings import load_settings

        environ, flags = dict(self._context.environ), _flags(values)
        if name in _REFERENCES and flags.get(name):
            # This very reference is tried, and nothing that would go before it.
            for variable in _VARIABLES:
                environ.pop(variable, None)
            flags |= {other: "" for other in _REFERENCES if other != name}
        settings = load_settings(flags=flags, environ=environ, config=self._context.config)
        with hidden(settings.secrets):
            project = Project(settings.neon)
            count = len(project.branches())
        key = settings.origins["neon.api_key"]
        return f"the project {project.id} has {count} branches; the key is {key}"


def _flags(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value.strip() for name, value in values.items() if name in FIELDS}


def _workgroup(athena: Athena, lake: Lake) -> str:
    from neonsync.athena.failures import translated_errors

    name = lake.athena.workgroup
    with translated_errors(f"reading the workgroup {name}"):
        state = athena.client.get_work_group(WorkGroup=name)["WorkGroup"].get("State", "")
    if state == "DISABLED":
        raise ConfigError(
            f"the workgroup {name} is disabled", "Enable it in the Athena console, or name another."
        )
    return f"the workgroup {name} is there, in {lake.athena.region}"


def _database(athena: Athena, lake: Lake) -> str:
    from neonsync.athena.catalogue import list_tables

    name = lake.athena.database
    tables = sum(1 for _ in list_tables(athena, name))
    return f"the database {name} has {tables} table{'' if tables == 1 else 's'}"


def _location(athena: Athena, lake: Lake) -> str:
    """Looks the workgroup's own location up where none is set, and lists what is there."""
    from neonsync.athena.failures import translated_errors

    location = athena.output_location()
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    with translated_errors(f"listing {location}"):
        athena.s3.client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
    whose = "" if lake.athena.output_location else ", the workgroup's own,"
    return f"{location}{whose} can be listed"
