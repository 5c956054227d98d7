"""Makes both databases anew: an origin full of parcels, and an empty target."""

import shutil
import sqlite3
import sys

import lab

STATUSES = ("packed", "sent", "customs", "arrived", "delivered")


def main():
    if sys.version_info < (3, 8) or sqlite3.sqlite_version_info < (3, 24):
        found = f"{sys.version.split()[0]} with SQLite {sqlite3.sqlite_version}"
        lab.fail(f"this Python is too old: {found}", "use Python 3.8 with SQLite 3.24, or later")
    for program in ("api", "client"):
        if lab.running(program):
            lab.fail(f"the {program} still runs", "stop it with Ctrl-C, then run: bash setup.sh")
    try:
        shutil.rmtree(lab.DATA, ignore_errors=True)
        lab.DATA.mkdir()
    except OSError as error:
        lab.fail(f"the lab can't write its data: {error}", "copy the lab to a folder of your own")
    for name in lab.NAMES:
        with sqlite3.connect(lab.path_of(name)) as database:
            database.executescript(lab.SCHEMA)
        database.close()
    old = [
        (number, f"parcel-{number:04}", STATUSES[number % len(STATUSES)])
        for number in range(1, lab.OLD_PARCELS + 1)
    ]
    origin = lab.open_database("origin")
    with origin:
        origin.executemany("INSERT INTO history VALUES (?, ?, ?)", old)
        origin.executemany(
            "INSERT INTO parcels (version, parcel, status) VALUES (?, ?, ?)", old
        )
    origin.close()
    lines = [f"{version}\t{parcel}\t{status}\t0\n" for version, parcel, status in old]
    lab.LEDGER.write_text("".join(lines))
    print(f"origin: {lab.OLD_PARCELS} parcels\ntarget: empty\nThe lab is ready.")


main()
