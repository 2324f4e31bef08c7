"""A witness: follows a receipt log, checks that it only grows, co-signs its checkpoints, keeps proof where it forks.

The rules are pure and stand in `chain.fork`; here are a witness's folder, its way to the log, and its command.
"""
