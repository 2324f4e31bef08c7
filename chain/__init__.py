"""What knows the chain, and nothing of people or HTTP."""

import os
from importlib.util import find_spec

# eth-hash takes its Keccak once a process, at the first hash, from this variable; left alone it takes pycryptodome's,
# a fifth as fast (200k against 990k hashes a second), though pysha3 is there. A value that an operator has set stands.
if find_spec("sha3") is not None:
    os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
