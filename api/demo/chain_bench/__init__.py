"""The benchmark of the chain's side behind `scripts/bench_chain`; no test, and never fails a build.

`anchoring` and `receipts` measure real engines, relays and writers, `trees` the hashing beside two peers, which `peers`
installs under build/ and runs as programs of their own: nothing of them is ever a part of this one.
"""
