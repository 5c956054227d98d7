"""Compares origin and target, parcel by parcel."""

import time

import lab

# A write that is under way is in the origin a moment before it is in the target.
SETTLE_SECONDS = 1


def contents(name):
    database = lab.open_database(name)
    rows = database.execute("SELECT parcel, status, version FROM parcels").fetchall()
    history = {version for (version,) in database.execute("SELECT version FROM history")}
    database.close()
    return {parcel: (status, version) for parcel, status, version in rows}, history


def differences():
    """What the databases do not agree on: parcel -> (origin, target)."""
    # Target first: then a write in between can only show as a difference, never hide one.
    target, target_history = contents("target")
    origin, origin_history = contents("origin")
    parcels = {
        parcel: (origin.get(parcel), target.get(parcel))
        for parcel in origin.keys() | target.keys()
        if origin.get(parcel) != target.get(parcel)
    }
    return parcels, origin_history ^ target_history, len(origin), len(target)


def main():
    first, first_history, _, _ = differences()
    time.sleep(SETTLE_SECONDS)
    second, second_history, origins, targets = differences()
    # Only what is different both times, in the same way, is a real difference.
    lasting = {parcel: pair for parcel, pair in second.items() if first.get(parcel) == pair}
    missing = first_history & second_history
    print(f"origin             {origins:>5} parcels")
    print(f"target             {targets:>5} parcels")
    print(f"different          {len(lasting):>5} parcels")
    print(f"history            {len(missing):>5} writes in one only")
    for parcel, (origin, target) in sorted(lasting.items())[:3]:
        print(f"  {parcel}: origin {describe(origin)}, target {describe(target)}")
    if len(lasting) > 3:
        print(f"  ... and {len(lasting) - 3} more")
    if lasting or missing:
        print("Not equal. A backfill brings the target up to date.")
    else:
        print("Equal: every parcel, every write.")


def describe(row):
    return "has it not" if row is None else f"says {row[0]} (write {row[1]})"


main()
