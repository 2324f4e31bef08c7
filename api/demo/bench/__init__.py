"""The benchmark behind `scripts/bench`: figures with what they are compared to. It is no test and never fails a build.

`stack` measures the real processes over HTTP, `alone` what runs inside one process, `machine` the machine itself.
"""
