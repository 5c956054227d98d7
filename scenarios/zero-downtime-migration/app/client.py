"""Writes without end, reads each write back, and keeps a ledger of what was acknowledged.

A write that got no answer is sent again, with the same version, until it is acknowledged. Before
a write is sent it is noted, so that even a client that was stopped in the middle goes on with it.
"""

import json
import random
import time
import urllib.error

import lab

PAUSE_SECONDS = 0.2
STATUSES = ("packed", "sent", "customs", "arrived", "delivered", "returned")


def insist(write):
    """Sends a write until it is acknowledged. Returns the answer, and how long that took."""
    start = time.monotonic()
    told = False
    while True:
        try:
            answer = lab.call("PUT", f"parcels/{write['parcel']}", write)
            if told:
                print(f"        the API is back after {lab.seconds_since(start)}", flush=True)
            return answer, time.monotonic() - start
        except lab.TROUBLE:
            if not told:
                print("        the API does not answer; trying again ...", flush=True)
                told = True
            time.sleep(0.1)


def read_back(write):
    """Whether a reader sees the write, and where that was read; None while nobody answers."""
    try:
        found = lab.call("GET", f"parcels/{write['parcel']}")
    except urllib.error.HTTPError as error:
        return (False, "nowhere") if error.code == 404 else None
    except lab.TROUBLE:
        return None
    return found["version"] >= write["version"], found["read_from"]


def next_write(version, parcels):
    """Most writes change an old parcel; some bring a new one."""
    if random.random() < 0.3:
        parcel, status = f"parcel-{version:04}", "packed"
    else:
        parcel, status = random.choice(parcels), random.choice(STATUSES)
    return {"version": version, "parcel": parcel, "status": status}


def noted_write(version):
    """The write that an earlier client noted and saw no answer to, if there is one."""
    try:
        write = json.loads(lab.PENDING.read_text())
    except (OSError, ValueError):
        # Nothing was noted, or not completely; then nothing was sent either.
        return None
    return write if write["version"] == version else None


def main():
    lock = lab.only_one("client") if lab.DATA.exists() else None
    ledger = lab.read_ledger()
    version = max(ledger) + 1
    parcels = sorted({parcel for parcel, _ in ledger.values()})
    pending = noted_write(version)
    written = unseen = 0
    try:
        with open(lab.LEDGER, "a") as book:
            while True:
                write = pending or next_write(version, parcels)
                pending = None
                lab.PENDING.write_text(json.dumps(write))
                answer, waited = insist(write)
                book.write(f"{version}\t{write['parcel']}\t{write['status']}\t{waited:.3f}\n")
                book.flush()
                written += 1
                parcels.append(write["parcel"])
                seen = read_back(write)
                if seen is None:
                    note = "(not read back)"
                elif seen[0]:
                    note = f"read from {seen[1]}"
                else:
                    note, unseen = "NOT SEEN by a reader!", unseen + 1
                stored = "+".join(answer["written_to"])
                print(
                    f"{version:>6}  {write['parcel']}  {write['status']:<9}"
                    f"  in {stored:<13}  {note}",
                    flush=True,
                )
                version += 1
                time.sleep(PAUSE_SECONDS)
    except KeyboardInterrupt:
        print(f"\nstopped after {written} acknowledged writes; readers missed {unseen} of them")
    if lock:
        lock.close()


main()
