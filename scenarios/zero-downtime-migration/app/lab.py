"""What all programs of this lab share: where things are, and how the databases are used."""

import fcntl
import http.client
import json
import os
import sqlite3
import sys
import time
import urllib.request
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"
LEDGER = DATA / "ledger.tsv"  # every write that was acknowledged, in the client's own hand
PENDING = DATA / "pending.json"  # the write that the client is about to send
# No proxy of the machine's settings stands between this lab and its own machine.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
TROUBLE = (OSError, http.client.HTTPException, ValueError)  # what a call may fail with
OLD_PARCELS = 2000  # parcels that are there before the migration begins
NAMES = ("origin", "target")

SCHEMA = """
CREATE TABLE parcels (
  parcel  TEXT PRIMARY KEY,
  status  TEXT NOT NULL,
  version INTEGER NOT NULL   -- the number of the write that set this status
);
CREATE TABLE history (
  version INTEGER PRIMARY KEY,
  parcel  TEXT NOT NULL,
  status  TEXT NOT NULL
);
"""

# An older version never replaces a newer one, whoever comes last.
PUT_PARCEL = """
INSERT INTO parcels (parcel, status, version) VALUES (?, ?, ?)
ON CONFLICT (parcel) DO UPDATE SET status = excluded.status, version = excluded.version
WHERE excluded.version > parcels.version
"""

# The same write twice is one row.
PUT_HISTORY = "INSERT OR IGNORE INTO history (version, parcel, status) VALUES (?, ?, ?)"


def fail(message, hint):
    """Ends the program with a message that says what to do."""
    print(f"error: {message}\nhint: {hint}", file=sys.stderr)
    sys.exit(1)


def port():
    """The API's port; another one can be set in the variable LAB_PORT."""
    text = os.environ.get("LAB_PORT", "8021")
    if not text.isdigit() or not 0 < int(text) < 65536:
        fail(f"LAB_PORT is {text!r}, which is no port", "unset it, or set it to 8021")
    return int(text)


def call(method, path, body=None):
    """Asks the service something and returns its answer, which is JSON."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port()}/{path}",
        data=None if body is None else json.dumps(body).encode(),
        method=method,
    )
    with OPENER.open(request, timeout=5) as response:
        return json.load(response)


def path_of(name):
    return DATA / f"{name}.db"


def open_database(name):
    """Opens the origin or the target. Neither is ever made here by accident."""
    path = path_of(name)
    if not path.exists():
        if (DATA / f"{name}-retired.db").exists():
            fail(f"the {name} is retired", "start the lab over, which makes both databases anew")
        fail(f"there is no database {path.name}", "set the lab up first: bash setup.sh")
    database = sqlite3.connect(path, timeout=20, check_same_thread=False)
    database.execute("PRAGMA synchronous = NORMAL")
    return database


def put(database, version, parcel, status):
    """Writes once, however often it is called with the same version. True if it was new."""
    with database:
        new = database.execute(PUT_HISTORY, (version, parcel, status)).rowcount == 1
        database.execute(PUT_PARCEL, (parcel, status, version))
    return new


def count(database, table):
    return database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def read_ledger():
    """All acknowledged writes: version -> (parcel, status)."""
    if not LEDGER.exists():
        fail("the client has no ledger yet", "set the lab up first: bash setup.sh")
    writes = {}
    for line in LEDGER.read_text().splitlines():
        version, parcel, status, _ = line.split("\t")
        writes[int(version)] = (parcel, status)
    return writes


def only_one(name):
    """Holds a lock until the program ends; a second program of that name is told so."""
    lock = open(DATA / f"{name}.lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        fail(f"the {name} runs already", "look into the other terminals, and stop it with Ctrl-C")
    return lock


def running(name):
    """Whether a program of that name holds its lock."""
    if not DATA.exists():
        return False
    with open(DATA / f"{name}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def seconds_since(start):
    return f"{time.monotonic() - start:.1f} s"
