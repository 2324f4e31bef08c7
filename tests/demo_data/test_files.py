"""Generator to reader: each file earns exactly the report that was fixed before any reader saw it."""

from datetime import date

import pytest

from api.catalogue import load_catalogue
from api.demo.city import ALL_TYPES, City, generate_city
from api.demo.files import ExpectedFile, write_department_files
from api.documents.tables import RowBad, RowWarned, natural_key, read_department_csv

CATALOGUE = load_catalogue()
TODAY = date(2026, 11, 22)
BAD_ROWS = 15


@pytest.fixture(scope="module")
def city() -> City:
    return generate_city(120, 2000, seed=2, today=TODAY, types=ALL_TYPES)


@pytest.fixture(scope="module")
def files(city, tmp_path_factory) -> list[ExpectedFile]:
    return write_department_files(city, tmp_path_factory.mktemp("files"), CATALOGUE, BAD_ROWS)


def report(file: ExpectedFile):
    """(stored values by key, warned, bad, duplicates) as a reader finds them."""
    table = read_department_csv(file.path.read_bytes(), CATALOGUE.type(file.type_code), demo=True, today=TODAY)
    stored: dict[tuple[str, ...], dict[str, str]] = {}
    warned: dict[int, str] = {}
    bad: dict[int, tuple[str | None, str]] = {}
    duplicates = []
    count = 0
    for row in table.rows():
        count += 1
        if isinstance(row, RowBad):
            assert len(row.problems) == 1
            bad[row.line] = (row.problems[0].field, row.problems[0].reason)
            continue
        key = natural_key(table.schema, row.values)
        if key in stored:
            assert stored[key] == row.values
            duplicates.append(row.line)
            continue
        stored[key] = row.values
        if isinstance(row, RowWarned):
            assert len(row.warnings) == 1
            warned[row.line] = row.warnings[0].reason
    return count, stored, warned, bad, tuple(duplicates)


def test_the_reader_finds_exactly_what_was_planted(files):
    assert {file.type_code for file in files} == ALL_TYPES
    reasons = set()
    for file in files:
        count, stored, warned, bad, duplicates = report(file)
        assert (count, len(stored)) == (file.rows, file.good), file.type_code
        assert bad == file.bad, file.type_code
        assert warned == file.warned, file.type_code
        assert duplicates == file.duplicates, file.type_code
        assert file.rows == file.good + len(file.bad) + len(file.duplicates)
        reasons |= {reason for _, reason in bad.values()}
    assert reasons == {
        "catalogue.id_check_digit", "catalogue.uscc_check_digit", "catalogue.required", "catalogue.bad_date",
        "returns.formula_cell", "returns.cell_count", "returns.unbalanced_quote",
    }  # fmt: skip
    assert any(file.warned for file in files)
    # Where every certificate is warned about, none is repeated: see the writer.
    assert all(file.duplicates or len(file.warned) == file.good for file in files)
    assert sum(bool(file.duplicates) for file in files) > 40


def test_every_certificate_comes_through_unchanged(city, files):
    sent = {}
    for certificate in city.certificates:
        sent[natural_key(CATALOGUE.type(certificate.type_code), certificate.values)] = certificate.values
    received = {}
    for file in files:
        received |= report(file)[1]
    assert received == sent
    assert sum(file.good for file in files) == len(city.certificates) == 2000


def test_files_differ_in_encoding_delimiter_and_spelling(files):
    assert {file.encoding for file in files} == {"utf-8", "utf-8-sig", "gb18030"}
    assert {file.delimiter for file in files} == {",", "\t"}
    text = "".join(file.path.read_text(encoding=file.encoding) for file in files)
    assert all(sample in text for sample in ("长期", "年", "/"))
    for file in files:
        table = read_department_csv(file.path.read_bytes(), CATALOGUE.type(file.type_code), demo=True)
        assert (table.encoding, table.delimiter) == (file.encoding.removesuffix("-sig"), file.delimiter)


def test_the_same_arguments_write_the_same_bytes(city, files, tmp_path):
    again = write_department_files(city, tmp_path, CATALOGUE, BAD_ROWS)
    assert [f.path.read_bytes() for f in again] == [f.path.read_bytes() for f in files]


def test_without_bad_rows_every_row_is_good(city, tmp_path):
    for file in write_department_files(city, tmp_path, CATALOGUE, bad_rows=0):
        assert (file.rows, file.bad, file.duplicates) == (file.good, {}, ())
