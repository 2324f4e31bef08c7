"""The data catalogue over HTTP and on its page: for everybody, found by words, department and attribute."""

import httpx

from tests.town import Service


def test_everybody_looks_up_what_is_offered(service: Service) -> None:
    with httpx.Client(base_url=service.url, trust_env=False) as anybody:
        everything = anybody.get("/v1/catalogue/offers").json()["items"]
        assert len(everything) == 50
        withheld = anybody.get("/v1/catalogue/offers", params={"attribute": "withheld"}).json()["items"]
        assert withheld == [one for one in everything if one["attribute"] == "withheld"] != []
        police = anybody.get("/v1/catalogue/offers", params={"department": "public_security"}).json()["items"]
        assert {one["department"]["code"] for one in police} == {"public_security"}
        (found,) = anybody.get("/v1/catalogue/offers", params={"q": "机动车 准驾车型"}).json()["items"]
        assert (found["type"], found["attribute"]) == ("person.driving_licence", "conditional")
        assert anybody.get("/v1/catalogue/offers", params={"attribute": "free"}).status_code == 422
        assert anybody.get("/v1/catalogue/offers", params={"q": "天气"}).json()["items"] == []
        page = anybody.get("/catalogue", params={"q": "准驾车型", "attribute": "conditional"})
        assert page.status_code == 200 and "机动车驾驶证" in page.text and "营业执照" not in page.text
        assert "没有找到" in anybody.get("/catalogue", params={"department": "nobody"}).text
