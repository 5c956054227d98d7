"""The migration that is not zero-downtime: copy the database, look away, and look again."""

import sqlite3
import time

import lab

SECONDS = 10


def main():
    origin = lab.open_database("origin")
    copy = sqlite3.connect(":memory:")
    origin.backup(copy)
    print(f"copied {lab.count(copy, 'parcels')} parcels")
    for left in range(SECONDS, 0, -1):
        print(f"\rpointing everybody to the copy ... {left:>2} s ", end="", flush=True)
        time.sleep(1)
    present = lab.count(origin, "history")
    lost = present - lab.count(copy, "history")
    print(f"\r{' ' * 50}\rin these {SECONDS} seconds, {lost} acknowledged writes reached only the origin")
    if lost:
        print("A switch to the copy would lose every one of them.")
    else:
        print("Nobody wrote. Start the client (step 1), then try again.")


try:
    main()
except KeyboardInterrupt:
    print("\nstopped")
