"""A bank's people at the pages of the data interfaces."""

from django.urls import reverse

from rongqiao.accounts.models import User


def url(name, *args):
    return reverse(f"portal:bank_interface{name}", args=args)


def sign_in(client, scope):
    client.force_login(
        User.objects.get(pk=scope.user_id), backend="django.contrib.auth.backends.ModelBackend"
    )
    return client
