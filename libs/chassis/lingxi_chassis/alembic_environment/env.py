"""Alembic's environment for every service: one transaction a revision, on a given connection."""
# ruff: noqa: INP001 -- Alembic runs this file, nobody imports it

from alembic import context

context.configure(
    connection=context.config.attributes["connection"], transaction_per_migration=True
)
with context.begin_transaction():
    context.run_migrations()
