"""The pages of seals over HTTP: anybody checks a file, departments seal in turn."""

import re

import httpx
import pytest

from api.demo import flow_seals
from api.demo.client import Person
from api.demo.provision import party_id
from tests.seals.test_sealed_files import CIVIL, POLICE, licence, party, refusal, saved
from tests.town import HARBOUR, LICENCE, Service

FILE = "application/pdf"


def test_anybody_checks_a_file_in_both_languages(service: Service) -> None:
    file = saved(service)
    with httpx.Client(base_url=service.url, timeout=60, trust_env=False) as anybody:
        assert "验章验签" in anybody.get("/verify/seal").text
        page = anybody.post("/verify/seal", files={"file": ("a.pdf", file, FILE)})
        assert page.status_code == 200
        assert "印章真实，文件未被改动" in page.text
        english = {"Accept-Language": "en"}
        broken = anybody.post("/verify/seal", files={"file": ("a.pdf", file[:-5], FILE)}, headers=english)
        assert "Do not rely on this file" in broken.text
        assert anybody.get("/v1/seals/roots.pem").text.startswith("-----BEGIN CERTIFICATE")
        assert anybody.get("/v1/seals/lists/issuing.crl").headers["content-type"] == "application/pkix-crl"
        assert anybody.get("/v1/seals/lists/other.crl").status_code == 404


def post(who: Person, path: str, **fields: str | list[str]) -> httpx.Response:
    return who.http.post(path, data={"csrf": who.csrf, **fields})


@pytest.mark.slow
def test_departments_seal_in_turn_on_their_pages(service: Service) -> None:
    police, civil = service.town.department(POLICE), service.town.department(CIVIL)
    assert "本单位印章" in police.http.get("/department/seals").text
    made = post(
        police, "/department/seals/plans", type=LICENCE, needed="1", cosigner=[party(service, CIVIL), "", "", ""]
    )
    assert made.status_code == 303
    assert post(police, "/department/seals/plans", type=LICENCE, needed="1", cosigner=[""]).status_code == 422
    assert refusal(lambda: saved(service, 1)) == "seals.waiting"
    holder = service.citizen(service.driver(1))
    paper = f"/citizen/certificates/{licence(service, 1)}"
    sent_back = holder.http.get(f"{paper}/original.pdf")
    assert (sent_back.status_code, sent_back.headers["location"]) == (303, paper)
    assert "已盖 0 枚" in holder.http.get(paper).text
    page = civil.http.get("/department/seals").text
    number = re.findall(r"/department/seals/tasks/(seal_[a-z0-9]+)/seal", page)[0]
    assert post(police, f"/department/seals/tasks/{number}/seal").status_code == 409
    assert post(civil, f"/department/seals/tasks/{number}/seal").status_code == 303
    assert "已盖齐并签发" in civil.http.get("/department/seals").text
    assert flow_seals.check_sealed(service.url, saved(service, 1))["outcome"] == "valid"
    assert post(police, "/department/seals/plans/end", type=LICENCE).status_code == 303
    assert post(police, "/department/seals/renewal").status_code == 303
    assert "已盖 0 枚" not in holder.http.get(paper).text
    assert holder.http.get(f"{paper}/original.pdf").content.startswith(b"%PDF")


def test_entities_reach_none_of_it(service: Service) -> None:
    clerk = Person(service.url).sign_in(role="entity", party=party_id(HARBOUR), name="演示人员")
    assert clerk.http.get("/department/seals").status_code in {303, 403, 404}
    assert clerk.http.get("/v1/seals/tasks").status_code == 403
    clerk.close()
