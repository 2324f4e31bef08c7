"""Storage: the only package that knows SQLAlchemy. Services see `Session`, `unit_of_work` and the queries."""

from sqlalchemy.orm import Session

from api.store.database import Database, read_only, savepoint, unit_of_work

__all__ = ["Database", "Session", "read_only", "savepoint", "unit_of_work"]
