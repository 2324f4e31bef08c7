"""A certificate of every kind, from the generator."""

from datetime import date

import pytest

from api.catalogue import load_catalogue
from api.demo.city import ALL_TYPES, generate_city
from api.documents.certificate import CertificateView


@pytest.fixture(scope="session")
def views() -> list[CertificateView]:
    catalogue = load_catalogue()
    city = generate_city(60, 700, seed=3, today=date(2026, 11, 22), types=ALL_TYPES)
    found = []
    for type_code, certificates in sorted(city.by_type().items()):
        schema = catalogue.type(type_code)
        department = catalogue.departments[schema.department]
        found.append(
            CertificateView(
                schema,
                certificates[0].values,
                department.demo_zh,
                department.demo_en,
                "cert_01JD8Z5Q6N7M8K9P",
                "https://mydata.example.cn/verify/cert_01JD8Z5Q6N7M8K9P",
                elc=schema.elc("11371099MA22Y0XU3D", "cert_01JD8Z5Q6N7M8K9P", 1),
            )
        )
    return found
