"""Contents issued to several entities, made once."""

import pytest

from tests.watermark.cases import CSV, JSON, Content, licence, payment, pdf_content, plain_pdf, table_content


@pytest.fixture(scope="session")
def sixteen_json() -> Content:
    return table_content([licence(i) for i in range(16)], JSON)


@pytest.fixture(scope="session")
def sixteen_csv() -> Content:
    return table_content([licence(i) for i in range(16)], CSV)


@pytest.fixture(scope="session")
def months_csv() -> Content:
    return table_content([payment(i) for i in range(16)], CSV, entities=1)


@pytest.fixture(scope="session")
def one_json() -> Content:
    return table_content([licence(3)], JSON)


@pytest.fixture(scope="session")
def page() -> Content:
    return pdf_content(plain_pdf("own_tm"))
