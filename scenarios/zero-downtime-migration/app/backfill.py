"""Brings the origin's old rows to the target, while the dual writer goes on.

It takes a list of all parcels first and then copies them in small, slow batches, as a real
backfill does that must not disturb the service. Meanwhile parcels change: what the list says of
them is out of date when their turn comes. Hence the one rule: newer stays.
"""

import time

import lab

BATCH = 100
PAUSE_SECONDS = 0.4
WIDTH = 30


def batches(rows):
    return [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]


def show_progress(done, total):
    bar = ("#" * (WIDTH * done // max(total, 1))).ljust(WIDTH, ".")
    print(f"\r[{bar}] {done}/{total} parcels", end="", flush=True)


def copy_parcels(rows, target):
    """Copies what the target lacks. Returns how many were copied, kept as newer, and the same."""
    copied = newer = same = 0
    for batch in batches(rows):
        before = copied
        with target:
            for parcel, status, version in batch:
                there = target.execute(
                    "SELECT version FROM parcels WHERE parcel = ?", (parcel,)
                ).fetchone()
                if there and there[0] > version:
                    newer += 1
                elif there and there[0] == version:
                    same += 1
                else:
                    copied += 1
                target.execute(lab.PUT_PARCEL, (parcel, status, version))
        show_progress(copied + newer + same, len(rows))
        if copied > before:
            time.sleep(PAUSE_SECONDS)
    print()
    return copied, newer, same


def copy_history(rows, target):
    with target:
        before = target.total_changes
        target.executemany(lab.PUT_HISTORY, rows)
        return target.total_changes - before


def check_dual_writes():
    """Old rows first and new ones later would be the wrong order."""
    try:
        writes_to = lab.call("GET", "")["writes_to"]
    except lab.TROUBLE:
        print("note: the API does not answer, so nothing is written meanwhile")
        return
    if "target" not in writes_to:
        lab.fail(
            "the API does not write to the target; what comes in now would be missing there",
            "start it with --write both first (step 3)",
        )


def main():
    origin, target = lab.open_database("origin"), lab.open_database("target")
    check_dual_writes()
    parcels = origin.execute("SELECT parcel, status, version FROM parcels").fetchall()
    history = origin.execute("SELECT version, parcel, status FROM history").fetchall()
    copied, newer, same = copy_parcels(parcels, target)
    events = copy_history(history, target)
    print(f"copied             {copied:>5} parcels and {events} lines of their history")
    print(f"same in target     {same:>5} parcels")
    print(f"newer in target    {newer:>5} parcels, which were left alone")


try:
    main()
except KeyboardInterrupt:
    print("\nstopped halfway, which does no harm: run it again")
