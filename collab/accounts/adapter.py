"""How this service differs from allauth's defaults."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts are made by the operator (`manage.py createuser`), not by strangers."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
