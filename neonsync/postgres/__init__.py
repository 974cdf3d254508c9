"""The branch's Postgres: connections, table shapes, COPY, merge, swap, the ledger's tables."""
