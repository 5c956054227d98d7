"""Serves a shell over terminado's WebSocket: terminado_server.py PORT SHELL."""

import asyncio
import sys

from terminado import TermSocket, UniqueTermManager
from tornado.web import Application


async def main() -> None:
    port, shell = sys.argv[1:]
    manager = UniqueTermManager(shell_command=[shell], max_terminals=1000)
    routes = [("/websocket", TermSocket, {"term_manager": manager})]
    Application(routes).listen(int(port), "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
