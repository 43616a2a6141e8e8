"""Runs a server in this process until SIGTERM; its ports come out as one line of JSON.

python serve_apart.py SETTINGS_JSON
"""

import asyncio
import json
import signal
import sys

import uvloop

from pttserver.app import Application
from pttserver.config import Settings
from pttserver.observe.log import configure_logging


async def serve(settings: Settings) -> None:
    async with Application(settings) as server:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        ports = {name: getattr(server, name) for name in ("signalling_port", "media_port", "metrics_port")}
        print(json.dumps(ports), flush=True)
        await stop.wait()


if __name__ == "__main__":
    configure_logging("info", "json")
    uvloop.run(serve(Settings.model_validate_json(sys.argv[1])))
