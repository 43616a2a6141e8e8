"""Runs the migrations on the connection that `store.migrate` hands over, within its transaction."""

from alembic import context

from pttserver.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
