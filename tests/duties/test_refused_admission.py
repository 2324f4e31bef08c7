"""A party that the chain refuses: said on the pages, taken back, and proposed anew by two persons."""

import pytest

from api.demo import flow_duties
from api.demo.people import credit_code
from api.errors import ApiError
from api.store import outbox
from api.store.fsck import fsck
from api.wiring import log_key
from tests.town import Service, until


@pytest.mark.slow
def test_what_the_chain_refuses_is_taken_back_and_proposed_anew(service: Service) -> None:
    """An account that is an administrator's of the registry is nobody's here, and the chain alone knows it."""
    town, uscc = service.town, credit_code(89_000_011)
    administrator = flow_duties.officer(town, "operator")
    officer = flow_duties.officer(town, "security", "S-01")
    admin = service.ctx.signer(service.ctx.keys.registry_admins[0])
    known = {"role": "regulator", "zh": "演示新监管局", "en": "Demo New Regulator", "uscc": uscc}
    act = flow_duties.propose_party(administrator, account="0x" + admin.address.hex(), **known)
    flow_duties.decide_act(officer, act)
    with pytest.raises(ApiError, match=r"duties\.decided"):
        administrator.post(f"/v1/party-acts/{act}/withdraw")
    service.chain.start()
    until(lambda: service.turn() is not None and officer.get(f"/v1/party-acts/{act}")["refused"], "the chain refuses")
    for who, page in ((administrator, "/operator/parties"), (officer, "/security")):
        assert "链上拒绝" in who.http.get(page).text
    with pytest.raises(ApiError, match=r"auth\.forbidden"):
        officer.post(f"/v1/party-acts/{act}/withdraw")
    with pytest.raises(ApiError, match=r"duties\.known_party"):
        flow_duties.propose_party(administrator, **known)
    page = administrator.http.post(f"/operator/parties/{act}/withdraw", data={"csrf": administrator.csrf})
    assert page.status_code == 303
    answer = officer.get(f"/v1/party-acts/{act}")
    assert (answer["state"], answer["refused"]) == ("withdrawn", False)
    keys = [f"propose_party:{act}", f"admit_party:{act}"]
    assert not any(outbox.is_open(service.ctx.db, key) for key in keys)
    assert not any(outbox.reopen(service.ctx.db, key, "chain.refused") for key in keys)
    again = flow_duties.propose_party(administrator, **known)
    with pytest.raises(ApiError, match=r"auth\.forbidden"):
        flow_duties.decide_act(administrator, again)
    flow_duties.decide_act(officer, again)
    service.settle()
    assert flow_duties.wait_for_act(officer, again, timeout_s=60)["kind"] == "admission"
    public = log_key(service.ctx.keys).public_key().public_bytes_raw()
    assert fsck(service.ctx.db, service.ctx.vault, public, identity=service.ctx.chain).findings == ()
