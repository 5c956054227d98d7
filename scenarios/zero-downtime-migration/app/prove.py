"""The proof: every write in the client's ledger, against what the target holds today."""

import lab


def main():
    if lab.path_of("origin").exists():
        print("note: the origin is still there; step 7 retires it")
    writes = lab.read_ledger()
    target = lab.open_database("target")
    history = {
        version: (parcel, status)
        for version, parcel, status in target.execute(
            "SELECT version, parcel, status FROM history"
        )
    }
    parcels = {
        parcel: (status, version)
        for parcel, status, version in target.execute(
            "SELECT parcel, status, version FROM parcels"
        )
    }
    latest = {}
    for version in sorted(writes):
        parcel, status = writes[version]
        latest[parcel] = (status, version)
    lost = [version for version, write in writes.items() if history.get(version) != write]
    # A write that the client never saw acknowledged may be there too; it may be newer.
    stale = [
        parcel
        for parcel, (status, version) in latest.items()
        if parcel not in parcels
        or parcels[parcel][1] < version
        or (parcels[parcel][1] == version and parcels[parcel][0] != status)
    ]
    waits = [float(line.rsplit("\t", 1)[1]) for line in lab.LEDGER.read_text().splitlines()]
    during = len(writes) - lab.OLD_PARCELS
    if during == 0:
        lab.fail("the client has not written yet, so there is nothing to prove", "begin at step 1")
    print(f"acknowledged writes    {len(writes):>6}   ({during} of them during this lab)")
    print(f"lost                   {len(lost):>6}")
    print(f"parcels                {len(latest):>6}")
    print(f"with a wrong status    {len(stale):>6}")
    print(f"longest wait of a write {max(waits):>5.1f} s")
    if lost or stale:
        print("Something was lost:")
        for version in lost[:5]:
            print(f"  write {version}: {' '.join(writes[version])}")
        for parcel in stale[:5]:
            print(f"  {parcel}: target says {parcels.get(parcel)}, the client {latest[parcel]}")
        raise SystemExit(1)
    print("Nothing was lost.")


main()
