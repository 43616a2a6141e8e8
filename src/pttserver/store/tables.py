"""All tables: importing this fills the schema, so that sweep, inventory and migrations see every one of them."""

import pttserver.store.alert_schema
import pttserver.store.console_schema
import pttserver.store.governance_schema
import pttserver.store.location_schema
import pttserver.store.message_schema
import pttserver.store.remote_schema  # noqa: F401
from pttserver.store.schema import metadata

__all__ = ["metadata"]
