"""The crash sweep: a service that is killed at every named step, again and again, while people work with it.

`sites` finds the steps in the source, `zygote` runs one life of the service after another and kills it, `jobs` are the
people, `audit` counts what was lost or doubled, `run` puts them together. `scripts/crash_sweep --help`.
"""
