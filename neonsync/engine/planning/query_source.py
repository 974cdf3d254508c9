"""A SELECT as a source: Athena tells its columns, and nothing of that stays behind."""

from __future__ import annotations

from neonsync.athena.catalogue import CatalogueColumn
from neonsync.athena.client import Athena
from neonsync.athena.sql import no_rows, subquery
from neonsync.columns import parse_athena
from neonsync.errors import ConfigError, ExportError, SourceError

# Athena does not tell the digits of a result's times, and UNLOAD refuses or drops surplus ones:
# taken for the finest, they travel as text, with all that they have.
_FINEST = {
    "timestamp": "timestamp(6)",
    "timestamp with time zone": "timestamp(6) with time zone",
}


def read_query(athena: Athena, query: str, target: str) -> tuple[CatalogueColumn, ...]:
    """The columns that a SELECT gives. It is asked for no rows, which scans nothing.

    Raises:
        ConfigError: Athena does not take the SELECT; the message says why.
        SourceError: two of its columns have one name.
    """
    location = athena.scratch_location()
    try:
        found = athena.columns(no_rows(subquery(query)), location)
    except ExportError as error:
        raise ConfigError(
            f"Athena does not take the query for {target}: {error}",
            "Try it in the Athena console; it must be one SELECT, without a semicolon at its end.",
        ) from error
    names = [name for name, _ in found]
    for name in names:
        if names.count(name) > 1 or not name or name.startswith("_col"):
            raise SourceError(
                f"the query for {target} has no name of its own for each column: "
                + ", ".join(names),
                "Give each one a name: SELECT amount * 2 AS doubled.",
            )
    return tuple(
        CatalogueColumn(name, parse_athena(_FINEST.get(type_, type_))) for name, type_ in found
    )
