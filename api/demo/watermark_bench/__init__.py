"""The benchmark of the watermark behind `scripts/bench_watermark`; it ends with 1 where an innocent would be accused.

`pictures` makes the inputs, `attacks` lists what is done to them (`tone`, `geometry`, `scenes`, `collusion`), `cases`
issues copies, attacks them and asks the product's own tracer; `tables` and `pdfs` do that for their kinds of file.
`decoys` and `file_decoys` measure codes that were never issued, `peers` runs other people's marks in an environment
of their own, `report` writes docs/watermark-bench.md.
"""
