"""Runs the migrations on the connection it is handed, inside the caller's transaction. There is no alembic.ini."""

from alembic import context

from nhiscan.inventory.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, transactional_ddl=True)
context.run_migrations()
