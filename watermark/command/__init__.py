"""`python -m watermark`: marking, tracing and checking a report, without a service."""
