"""Signalling of protocol `ptt.v1`: the JSON messages of the WebSocket, as types; a module for each service.

A client's request has an `id` that it chooses; the reply to it carries the same number as `re`. Messages of the server
without `re` are events. The JSON Schemas and the AsyncAPI document of proto/ are generated from these classes.
"""

from pttserver.wire.signalling.alerts import *
from pttserver.wire.signalling.calls import *
from pttserver.wire.signalling.dispatch import *
from pttserver.wire.signalling.groups import *
from pttserver.wire.signalling.location import *
from pttserver.wire.signalling.messages import *
from pttserver.wire.signalling.parts import *
from pttserver.wire.signalling.reading import *
from pttserver.wire.signalling.session import *
from pttserver.wire.signalling.terms import *

PROTOCOL_VERSION = 1
SERVED_VERSIONS = (PROTOCOL_VERSION,)
SUBPROTOCOL = "ptt.v1"
PATH = "/v1/ptt"
