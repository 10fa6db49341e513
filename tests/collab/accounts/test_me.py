def test_me_is_the_person_behind_a_session_or_token(alice, browser_of, program_of):
    for caller in (browser_of(alice), program_of(alice, "read")):
        status, me = caller.get("me")
        assert status == 200
        assert (me["username"], me["name"], me["id"]) == ("alice", "alice", f"user:{alice.pk}")
        assert me["color"].startswith("#")


def test_me_is_nobody_without_either(browser_of):
    status, problem = browser_of(None).get("me")
    assert (status, problem["code"]) == (401, "not-authenticated")


def test_a_token_is_issued_used_listed_and_revoked(alice, browser_of, client):
    browser = browser_of(alice)
    status, token = browser.post("me/tokens", {"label": "Nightly", "scope": "read", "days": 7})
    assert (status, token["label"], token["scope"]) == (201, "Nightly", "read")
    text = {"Authorization": f"Bearer {token['token']}"}
    assert client.get("/api/v1/me", headers=text).json()["username"] == "alice"

    (listed,) = browser.get("me/tokens")[1]["items"]
    assert listed["id"] == token["id"]
    assert "token" not in listed

    assert browser.delete(f"me/tokens/{token['id']}")[0] == 204
    assert client.get("/api/v1/me", headers=text).status_code == 401
    assert browser.delete(f"me/tokens/{token['id']}")[0] == 404


def test_a_token_cannot_make_or_end_tokens(alice, program_of):
    for scope, made in [("read", 403), ("write", 403), ("admin", 201)]:
        assert program_of(alice, scope).post("me/tokens", {})[0] == made


def test_tokens_are_their_owners_business(alice, bob, browser_of):
    token = browser_of(alice).post("me/tokens", {})[1]
    assert browser_of(bob).get("me/tokens")[1]["items"] == []
    assert browser_of(bob).delete(f"me/tokens/{token['id']}")[0] == 404
    assert browser_of(None).get("me/tokens")[0] == 401


def test_a_token_needs_sensible_wishes(alice, browser_of):
    for wish in ({"days": 0}, {"scope": "root"}, {"label": "x" * 101}, {"owner": "bob"}):
        assert browser_of(alice).post("me/tokens", wish)[0] == 422
