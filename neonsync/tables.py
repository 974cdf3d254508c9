"""What is to be synced, said without reference to Athena or Postgres clients."""

from __future__ import annotations

from dataclasses import dataclass

from neonsync.columns import SqlType, parse_postgres


@dataclass(frozen=True)
class ColumnSpec:
    """A column that is copied: its name on both sides and its type in the target."""

    name: str
    type: SqlType
    nullable: bool = True


@dataclass(frozen=True)
class IndexSpec:
    """A secondary index; ``where_not_null`` makes it partial on that column."""

    name: str
    columns: tuple[str, ...]
    where_not_null: str | None = None


@dataclass(frozen=True)
class TableSpec:
    """One table of the lake and the table of the branch that shall equal it.

    ``key`` identifies a row on both sides. ``generated_id`` names an identity column that becomes
    the primary key; ``created_column`` and ``updated_column`` default to the time of writing, and
    the latter is set again by every update. ``date_column`` and ``state_column`` are what proofs,
    checks and filters go by; None where the table has none.
    """

    source: str
    target: str
    columns: tuple[ColumnSpec, ...]
    key: tuple[str, ...]
    key_name: str
    schema: str = "public"
    date_column: str | None = None
    state_column: str | None = None
    required_columns: tuple[str, ...] = ()
    generated_id: str | None = None
    created_column: str | None = None
    updated_column: str | None = None
    indexes: tuple[IndexSpec, ...] = ()

    @property
    def qualified(self) -> str:
        """``schema.table``, for people."""
        return f"{self.schema}.{self.target}"


def _column(name: str, postgres: str, *, nullable: bool = True) -> ColumnSpec:
    return ColumnSpec(name, parse_postgres(postgres), nullable)


FORECAST = TableSpec(
    source="forecast",
    target="forecast_data",
    columns=(
        _column("restaurant_id", "integer", nullable=False),
        _column("inventory_item_id", "integer", nullable=False),
        _column("business_date", "date", nullable=False),
        _column("dma_id", "varchar(50)"),
        _column("dc_id", "integer"),
        _column("state", "varchar(2)", nullable=False),
        _column("y_05", "numeric(10,2)"),
        _column("y_50", "numeric(10,2)", nullable=False),
        _column("y_95", "numeric(10,2)"),
    ),
    key=("restaurant_id", "inventory_item_id", "business_date"),
    key_name="forecast_data_unique_key",
    date_column="business_date",
    state_column="state",
    required_columns=("y_50", "state", "business_date"),
    generated_id="id",
    created_column="created_at",
    updated_column="updated_at",
    indexes=(
        IndexSpec("idx_forecast_business_date", ("business_date",)),
        IndexSpec("idx_forecast_state", ("state",)),
        IndexSpec("idx_forecast_state_date", ("state", "business_date")),
        IndexSpec("idx_forecast_dma", ("dma_id",), where_not_null="dma_id"),
        IndexSpec("idx_forecast_dc", ("dc_id",), where_not_null="dc_id"),
        IndexSpec("idx_forecast_composite", ("state", "dma_id", "dc_id", "business_date")),
    ),
)
"""The preset: what is synced when the configuration names no tables."""
