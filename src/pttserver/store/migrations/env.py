"""Runs the migrations on the connection that `store.migrate` hands over, within its transaction."""

from alembic import context

import pttserver.store.governance_schema
import pttserver.store.location_schema
import pttserver.store.remote_schema  # noqa: F401 - their tables belong to the metadata
from pttserver.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
