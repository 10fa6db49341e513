def test_me_is_the_person_behind_a_session_or_token(alice, browser_of, program_of):
    for caller in (browser_of(alice), program_of(alice, "read")):
        status, me = caller.get("me")
        assert status == 200
        assert (me["username"], me["name"], me["id"]) == ("alice", "alice", f"user:{alice.pk}")
        assert me["color"].startswith("#")


def test_me_is_nobody_without_either(browser_of):
    status, problem = browser_of(None).get("me")
    assert (status, problem["code"]) == (401, "not-authenticated")
