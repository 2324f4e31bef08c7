"""Declarative base, constraint names and the common column types."""

from sqlalchemy import LargeBinary, MetaData, String
from sqlalchemy.orm import DeclarativeBase

ID = String(48)
CODE = String(64)
MEDIA_TYPE = String(128)  # that of a workbook has 65 characters
HASH = LargeBinary(32)

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Declarative base with stable constraint names, which migrations need."""

    metadata = MetaData(naming_convention=NAMING)
