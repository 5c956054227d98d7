"""The parcel service: an HTTP API in front of one database, or of two.

    PUT /parcels/parcel-0007   {"version": 2001, "status": "sent"}
    GET /parcels/parcel-0007
    GET /                      which databases are used
"""

import argparse
import errno
import json
import sqlite3
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import lab


def parse_arguments():
    parser = argparse.ArgumentParser(description="The parcel service.")
    parser.add_argument("--write", choices=("origin", "both", "target"), required=True)
    parser.add_argument("--read", choices=lab.NAMES, required=True)
    parser.add_argument("--force", action="store_true", help="start although writes would vanish")
    arguments = parser.parse_args()
    if arguments.write not in ("both", arguments.read):
        lab.fail(
            f"reading from {arguments.read} would not see what is written to {arguments.write}",
            "read from a database that is written to",
        )
    return arguments


def check_nothing_vanishes(read):
    """Refuses to read from a database that lacks writes which the other one has."""
    other = "target" if read == "origin" else "origin"
    if not lab.path_of(other).exists():
        return
    database = lab.open_database(read)
    database.execute("ATTACH DATABASE ? AS other", (str(lab.path_of(other)),))
    missing = database.execute(
        "SELECT count(*) FROM other.history"
        " WHERE version NOT IN (SELECT version FROM main.history)"
    ).fetchone()[0]
    database.close()
    if missing:
        lab.fail(
            f"{missing} writes of {other} are not in {read}; readers would lose them from sight",
            f"bring them to {read} first, or insist with --force",
        )


class Store:
    """The dual writer. Origin comes first; a write counts when every database has it."""

    def __init__(self, write, read):
        self.writes_to = lab.NAMES if write == "both" else (write,)
        self.reads_from = read
        self.databases = {name: lab.open_database(name) for name in self.writes_to}
        self.lock = threading.Lock()
        self.accepted = 0

    def put(self, parcel, status, version):
        with self.lock:
            for name in self.writes_to:
                lab.put(self.databases[name], version, parcel, status)
            self.accepted += 1
        return {"written_to": self.writes_to}

    def get(self, parcel):
        with self.lock:
            row = self.databases[self.reads_from].execute(
                "SELECT status, version FROM parcels WHERE parcel = ?", (parcel,)
            ).fetchone()
        if row is None:
            return None
        return {
            "parcel": parcel,
            "status": row[0],
            "version": row[1],
            "read_from": self.reads_from,
        }

    def close(self):
        # Waits for the write that is under way.
        with self.lock:
            for database in self.databases.values():
                database.close()


class Handler(BaseHTTPRequestHandler):
    store = None

    def do_PUT(self):
        try:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length))
            status, version = str(body["status"]), int(body["version"])
        except (ValueError, KeyError, TypeError):
            return self.answer(400, {"error": "expected a status and a version, as JSON"})
        try:
            self.answer(200, self.store.put(self.parcel(), status, version))
        except sqlite3.Error as error:
            # Not acknowledged: the client will send the same version again.
            self.answer(503, {"error": str(error)})

    def do_GET(self):
        if self.path == "/":
            uses = {"writes_to": self.store.writes_to, "reads_from": self.store.reads_from}
            return self.answer(200, uses)
        try:
            found = self.store.get(self.parcel())
        except sqlite3.Error as error:
            return self.answer(503, {"error": str(error)})
        self.answer(200 if found else 404, found or {"error": "there is no such parcel"})

    def parcel(self):
        return self.path.rsplit("/", 1)[-1]

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        """The client tells of each write; that is enough."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that went away in the middle is none of ours."""


def main():
    arguments = parse_arguments()
    for name in lab.NAMES if arguments.write == "both" else (arguments.write,):
        lab.open_database(name).close()
    lock = lab.only_one("api")
    if not arguments.force:
        check_nothing_vanishes(arguments.read)
    Handler.store = Store(arguments.write, arguments.read)
    port = lab.port()
    try:
        server = Server(("127.0.0.1", port), Handler)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        lab.fail(
            f"port {port} is taken by another program",
            "choose another one for api and client alike: export LAB_PORT=8022",
        )
    writes = "origin and target" if arguments.write == "both" else arguments.write
    print(f"parcel service on port {port}")
    print(f"  writes go to    {writes}")
    print(f"  reads come from {arguments.read}")
    print("Stop it with Ctrl-C.", flush=True)
    try:
        server.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        pass
    server.server_close()
    Handler.store.close()
    lock.close()
    print(f"\nstopped after {Handler.store.accepted} writes")


main()
