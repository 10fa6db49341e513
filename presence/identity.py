"""What others see of somebody: a name, a colour, a picture. The same in every tab, on every day.

Carets, rosters and authors' names all come from here, so nobody can look like somebody else.
Relies on the principal alone; asks no database, knows no documents.
"""

import re
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a principal knows requests, hence Django; awareness needs neither
    from collab.accounts.principal import Principal

# White text is readable on each (contrast 4.5:1 or better), each is told from its neighbours.
PALETTE = (
    "#b91c1c",
    "#c2410c",
    "#92400e",
    "#a16207",
    "#4d7c0f",
    "#15803d",
    "#047857",
    "#0f766e",
    "#0e7490",
    "#0369a1",
    "#1d4ed8",
    "#4338ca",
    "#6d28d9",
    "#a21caf",
    "#be185d",
    "#475569",
)
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_SEE_THROUGH = "33"  # alpha of a selection behind text, as the Yjs editors' own default

_ADJECTIVES = (
    "Amber", "Bold", "Brave", "Bright", "Calm", "Clever", "Coral", "Cosy", "Crimson", "Curious",
    "Daring", "Eager", "Early", "Fair", "Fleet", "Gentle", "Gilded", "Glad", "Golden", "Hazel",
    "Honest", "Humble", "Indigo", "Jolly", "Keen", "Kind", "Lively", "Lucky", "Lunar", "Merry",
    "Mild", "Misty", "Nimble", "Noble", "Olive", "Patient", "Pearl", "Plucky", "Polite", "Proud",
    "Quick", "Quiet", "Rosy", "Ruby", "Sage", "Scarlet", "Serene", "Silver", "Sleek", "Snowy",
    "Solar", "Steady", "Sunny", "Swift", "Teal", "Tidy", "Umber", "Velvet", "Violet", "Warm",
    "Wise", "Witty", "Young", "Zesty",
)  # fmt: skip
_ANIMALS = (
    "Albatross", "Alpaca", "Antelope", "Badger", "Bear", "Beaver", "Bison", "Bunting", "Camel",
    "Cheetah", "Cormorant", "Crane", "Curlew", "Dolphin", "Dormouse", "Dove", "Eagle", "Egret",
    "Falcon", "Ferret", "Finch", "Fox", "Gazelle", "Gecko", "Hare", "Hedgehog", "Heron", "Ibex",
    "Ibis", "Jackdaw", "Kestrel", "Kingfisher", "Koala", "Lark", "Lemur", "Linnet", "Lynx",
    "Magpie", "Marmot", "Marten", "Mole", "Moose", "Newt", "Nightingale", "Ocelot", "Orca",
    "Osprey", "Otter", "Owl", "Panda", "Pelican", "Penguin", "Plover", "Puffin", "Quail", "Raven",
    "Robin", "Salmon", "Seal", "Sparrow", "Squirrel", "Starling", "Stork", "Swallow", "Swan",
    "Tapir", "Tern", "Thrush", "Tortoise", "Turtle", "Vole", "Walrus", "Weasel", "Whale", "Wombat",
    "Woodpecker", "Wren", "Yak", "Zebra",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Identity:
    """``id`` is the same for all connections of one person, or of one guest's browser."""

    id: str
    name: str
    colour: str  # "#rrggbb"
    avatar: str
    is_guest: bool
    is_program: bool = False

    @property
    def stamp(self) -> dict[str, str | bool]:
        """The ``user`` of an awareness state, as the carets of the Yjs editors read it."""
        user: dict[str, str | bool] = {
            "id": self.id,
            "name": self.name,
            "color": self.colour,
            "colorLight": self.colour + _SEE_THROUGH,
            "avatar": self.avatar,
        }
        if self.is_guest:
            user["guest"] = True
        if self.is_program:
            user["program"] = True
        return user


def identity_of(principal: "Principal") -> Identity:
    """How a principal appears to others; always the same for the same principal."""
    if principal.is_guest:
        key, name = f"guest:{principal.guest_id}", guest_name(principal.guest_id)
    else:
        key, name = f"user:{principal.user_id}", f"User {principal.user_id}"
    return Identity(
        id=key,
        name=principal.name or name,
        # Editors write it into style attributes: nothing but a colour may get there.
        colour=principal.colour if _COLOUR.fullmatch(principal.colour) else colour_for(key),
        avatar=principal.avatar,
        is_guest=principal.is_guest,
    )


def identity_of_program(principal: "Principal") -> Identity:
    """How a request that writes appears: an API token under its own name, with its own colour."""
    person = identity_of(principal)
    if principal.api_token_id is None:
        return replace(person, is_program=True)
    key = f"token:{principal.api_token_id}"
    name = principal.program or f"{person.name} (API)"
    return replace(person, id=key, name=name, colour=colour_for(key), is_program=True)


def guest_name(guest_id: str) -> str:
    """A friendly name such as "Amber Heron", always the same for the same guest."""
    number = _number_from(guest_id)
    adjective = _ADJECTIVES[number % len(_ADJECTIVES)]
    return f"{adjective} {_ANIMALS[number // len(_ADJECTIVES) % len(_ANIMALS)]}"


def colour_for(key: str) -> str:
    """A colour of the palette, always the same for the same key."""
    # One byte: with eight, the first two people and the first token have the same.
    [number] = blake2b(key.encode(), digest_size=1).digest()
    return PALETTE[number % len(PALETTE)]


def _number_from(key: str) -> int:
    # Not hash(): that differs from process to process.
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest())
