"""Everybody looks the same everywhere, and nobody like anybody else by choice."""

import pytest

from collab.accounts.principal import Principal
from presence.identity import PALETTE, colour_for, guest_name, identity_of

ALICE = Principal(user_id=7, name="Alice", avatar="/media/alice.png", is_authenticated=True)
GUEST = Principal(guest_id="3f2a")


def test_a_user_is_known_by_number_and_shown_by_name():
    alice = identity_of(ALICE)
    assert (alice.id, alice.name, alice.avatar) == ("user:7", "Alice", "/media/alice.png")
    assert not alice.is_guest
    assert alice.stamp == {
        "id": "user:7",
        "name": "Alice",
        "color": alice.colour,
        "colorLight": alice.colour + "33",
        "avatar": "/media/alice.png",
    }


def test_a_guest_has_a_friendly_name_that_stays():
    guest = identity_of(GUEST)
    assert guest == identity_of(Principal(guest_id="3f2a"))
    assert guest.id == "guest:3f2a"
    assert guest.name == guest_name("3f2a")
    assert len(guest.name.split()) == 2
    assert guest.stamp["guest"] is True


def test_a_guest_may_have_chosen_a_name():
    assert identity_of(Principal(guest_id="3f2a", name="Dora")).name == "Dora"


def test_guests_are_told_apart():
    names = {guest_name(str(number)) for number in range(200)}
    assert len(names) > 190


def test_a_nameless_user_is_not_nameless_to_others():
    assert identity_of(Principal(user_id=8)).name == "User 8"


def test_a_chosen_colour_is_kept_if_it_is_a_colour():
    assert identity_of(Principal(user_id=7, colour="#12AB9f")).colour == "#12AB9f"
    for harmful in ("red; background: url(//x)", "#12AB9f;", "#fff", "#12AB9f\n"):
        assert identity_of(Principal(user_id=7, colour=harmful)).colour == colour_for("user:7")


def test_colours_are_spread_over_the_palette():
    assert len(set(PALETTE)) == 16
    assert {colour_for(f"user:{number}") for number in range(500)} == set(PALETTE)


@pytest.mark.parametrize("colour", PALETTE)
def test_white_text_is_readable_on_every_colour(colour):
    assert contrast_with_white(colour) >= 4.5


def contrast_with_white(colour: str) -> float:
    """WCAG 2.2, relative luminance and contrast ratio."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
