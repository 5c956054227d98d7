"""Loses one parcel in the target, as a fault would: python3 app/spoil.py parcel-0042"""

import sys

import lab


def main():
    parcel = sys.argv[1] if len(sys.argv) > 1 else "parcel-0042"
    target = lab.open_database("target")
    with target:
        gone = target.execute("DELETE FROM parcels WHERE parcel = ?", (parcel,)).rowcount
    print(f"{parcel} is gone from the target" if gone else f"{parcel} was not in the target")


main()
