"""A worker's webhooks alone, in a process of its own that a test may kill: `python -m tests.webhooks.child`."""

import time

from api.services import webhooks
from api.settings import Settings
from api.wiring import wire

if __name__ == "__main__":
    ctx = wire(Settings()).ctx
    print("ready", flush=True)
    while True:
        if not webhooks.turn(ctx):
            time.sleep(0.02)
