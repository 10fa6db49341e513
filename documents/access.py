"""Who may do what: the only judge. Asks and never changes.

A role comes from owning the document, a membership, a share link that opens, or the
document's general access; the highest counts, and what was presented may cap it.
Sockets, API and pages all ask here; rooms ask again whenever access has changed.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from collab.accounts.credentials import Credential, credentials_of
from collab.accounts.principal import Principal
from documents.models import Document, Membership, Role, ShareLink


def role_of(principal: Principal, document: Document) -> Role | None:
    """The principal's role. In the trash a document has its owner only."""
    return roles_in(principal, [document])[document.id]


def own_role_of(principal: Principal, document: Document) -> Role | None:
    """The role that somebody known has without any link; None for guests."""
    if principal.is_guest:
        return None
    return role_of(replace(principal, link_tokens=frozenset()), document)


def roles_in(principal: Principal, documents: Collection[Document]) -> dict[UUID, Role | None]:
    """``role_of`` for many documents, in two queries."""
    grants = _Grants.of(documents, [principal])
    return {document.id: grants.role(principal, document) for document in documents}


@dataclass(frozen=True, slots=True)
class Standing:
    """What a member of a room may do, and when to ask again. ``is_known``: their log-in holds."""

    role: Role | None
    expires_at: datetime | None = None
    is_known: bool = True


def standings_of(
    document_id: UUID, principals: Sequence[Principal], now: datetime
) -> list[Standing] | None:
    """How each of a room's members stands now; None if the document is gone or in the trash."""
    document = Document.objects.filter(id=document_id, deleted_at=None).first()
    if document is None:
        return None
    grants = _Grants.of([document], principals)
    return [
        Standing(
            grants.role(principal, document) if credential.is_valid else None,
            grants.expires_at(principal, credential),
            is_known=credential.is_valid,
        )
        for principal, credential in zip(principals, credentials_of(principals, now), strict=True)
    ]


def visible_to(principal: Principal) -> QuerySet[Document]:
    """The documents in which ``role_of`` gives this principal a role."""
    way_in = Q(general_role__isnull=False)
    if principal.link_tokens:
        way_in |= Q(id__in=_open_links(principal.link_tokens).values("document_id"))
    if principal.user_id is not None:
        memberships = Membership.objects.filter(user_id=principal.user_id)
        way_in |= Q(id__in=memberships.values("document_id"))
    visible = Q(deleted_at=None) & way_in
    if principal.user_id is not None:
        visible |= Q(owner_id=principal.user_id)
    if principal.document_id is not None:
        visible &= Q(id=principal.document_id)
    return Document.objects.filter(visible)


@dataclass(frozen=True, slots=True)
class _Grants:
    """What some principals were given in some documents."""

    memberships: dict[tuple[UUID, int], int]
    links: list[ShareLink]  # those that open

    @classmethod
    def of(cls, documents: Iterable[Document], principals: Iterable[Principal]) -> "_Grants":
        ids = [document.id for document in documents]
        user_ids = {p.user_id for p in principals if p.user_id is not None}
        tokens = {token for p in principals for token in p.link_tokens}
        memberships = Membership.objects.filter(document_id__in=ids, user_id__in=user_ids)
        return cls(
            {(m.document_id, m.user_id): m.role for m in memberships} if user_ids else {},
            list(_open_links(tokens).filter(document_id__in=ids)) if tokens else [],
        )

    def expires_at(self, principal: Principal, credential: Credential) -> datetime | None:
        """The first moment at which something that this principal relies on ends by itself."""
        links = [link for link in self.links if link.token in principal.link_tokens]
        ends = [credential.expires_at, *(link.expires_at for link in links)]
        return min((end for end in ends if end is not None), default=None)

    def role(self, principal: Principal, document: Document) -> Role | None:
        if principal.document_id not in {None, document.id}:
            return None
        granted = list(self._granted(principal, document))
        if not granted:
            return None
        role = max(granted)
        if principal.role_limit is not None:
            role = min(role, principal.role_limit)
        return Role(role)

    def _granted(self, principal: Principal, document: Document) -> Iterable[int]:
        if principal.user_id is not None and principal.user_id == document.owner_id:
            yield Role.OWNER
        if document.is_deleted:
            return
        if document.general_role is not None:
            yield document.general_role
        if principal.user_id is not None:
            role = self.memberships.get((document.id, principal.user_id))
            if role is not None:
                yield role
        for link in self.links:
            if link.document_id == document.id and link.token in principal.link_tokens:
                yield link.role


def _open_links(tokens: Collection[str]) -> QuerySet[ShareLink]:
    """Those that would answer ``ShareLink.opens`` with yes."""
    still_open = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return ShareLink.objects.filter(still_open, token__in=tokens, is_enabled=True)
