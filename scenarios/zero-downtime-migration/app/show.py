"""Shows one parcel as each database has it: python3 app/show.py parcel-0007"""

import sys

import lab


def main():
    parcel = sys.argv[1] if len(sys.argv) > 1 else "parcel-0007"
    for name in lab.NAMES:
        if not lab.path_of(name).exists() and (lab.DATA / f"{name}-retired.db").exists():
            print(f"{name}: retired")
            continue
        database = lab.open_database(name)
        row = database.execute(
            "SELECT status, version FROM parcels WHERE parcel = ?", (parcel,)
        ).fetchone()
        total = lab.count(database, "parcels")
        status = f"{row[0]} (write {row[1]})" if row else "not there"
        print(f"{name}: {parcel} is {status}; {total} parcels in all")


main()
