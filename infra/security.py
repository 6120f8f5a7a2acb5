"""Who may enter: API keys, sign-in links and portal sessions; only hashes of secrets are kept."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from fastapi import Request

from infra.postgres.pool import Pool
from projections.portal.pages import SESSION_COOKIE, Session
from services.http import SCOPES, NotSignedIn, Principal

SESSION_LASTS = timedelta(hours=12)
LINK_LASTS = timedelta(hours=12)
PORTAL_SCOPES = sorted(SCOPES)
SECRET_BYTES = 32
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class DatabaseAccess:
    """Callers and sessions as kept in the schema `kontor`, which `pool` is on."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    # -- who asks -------------------------------------------------------------------------------

    def principal(self, request: Request) -> Principal:
        """The caller, by `Authorization: Bearer` or by the portal's session cookie; raises NotSignedIn."""
        found = self._by_bearer(request) or self._by_session(request)
        if found is None:
            raise NotSignedIn("Send `Authorization: Bearer` with an API key, or sign in to the portal.")
        return found

    def _by_bearer(self, request: Request) -> Principal | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return None
        with self._pool.connection() as conn:
            row = conn.execute(
                "SELECT name AS actor, scopes FROM api_keys WHERE key_hash = %s", [_hash(token)]
            ).fetchone()
        return Principal(row["actor"], frozenset(row["scopes"])) if row else None

    def _by_session(self, request: Request) -> Principal | None:
        secret = request.cookies.get(SESSION_COOKIE)
        if not secret or not _is_from_the_portal(request):
            return None
        with self._pool.connection() as conn:
            row = conn.execute(
                "SELECT actor, scopes FROM sessions WHERE token_hash = %s AND expires_at > now()",
                [_hash(secret)],
            ).fetchone()
        return Principal(row["actor"], frozenset(row["scopes"])) if row else None

    # -- signing in and out ---------------------------------------------------------------------

    def exchange(self, token: str) -> Session | None:
        """A portal session for the token of a sign-in link or for an API key; None for any other token."""
        with self._pool.connection() as conn, conn.transaction():
            row = conn.execute(
                "SELECT actor, scopes FROM sign_in_links WHERE token_hash = %s AND expires_at > now()"
                " UNION ALL SELECT name, scopes FROM api_keys WHERE key_hash = %s",
                [_hash(token), _hash(token)],
            ).fetchone()
            if row is None:
                return None
            session = Session(secrets.token_urlsafe(SECRET_BYTES), datetime.now(UTC) + SESSION_LASTS)
            conn.execute("DELETE FROM sessions WHERE expires_at < now()")
            conn.execute(
                "INSERT INTO sessions (token_hash, actor, scopes, expires_at) VALUES (%s, %s, %s, %s)",
                [_hash(session.secret), row["actor"], row["scopes"], session.expires_at],
            )
        return session

    def sign_out(self, secret: str) -> None:
        with self._pool.connection() as conn:
            conn.execute("DELETE FROM sessions WHERE token_hash = %s", [_hash(secret)])

    def new_link_token(self, actor: str = "portal") -> str:
        """Token for a sign-in link with all scopes, good for LINK_LASTS."""
        token = secrets.token_urlsafe(SECRET_BYTES)
        with self._pool.connection() as conn, conn.transaction():
            conn.execute("DELETE FROM sign_in_links WHERE expires_at < now()")
            conn.execute(
                "INSERT INTO sign_in_links (token_hash, actor, scopes, expires_at) VALUES (%s, %s, %s, %s)",
                [_hash(token), actor, PORTAL_SCOPES, datetime.now(UTC) + LINK_LASTS],
            )
        return token

    # -- the admin key --------------------------------------------------------------------------

    def ensure_admin_key(self, wanted: str | None) -> str | None:
        """Make the admin API key work: the `wanted` one, or a new one at the first start, which is returned."""
        with self._pool.connection() as conn, conn.transaction():
            conn.execute("LOCK TABLE api_keys IN SHARE ROW EXCLUSIVE MODE")
            known = conn.execute("SELECT key_hash FROM api_keys WHERE name = 'admin'").fetchone()
            if wanted is None and known is not None:
                return None
            token = wanted or secrets.token_urlsafe(SECRET_BYTES)
            conn.execute("DELETE FROM api_keys WHERE name = 'admin'")
            conn.execute(
                "INSERT INTO api_keys (key_hash, name, scopes) VALUES (%s, 'admin', %s)",
                [_hash(token), ["admin"]],
            )
        return None if wanted else token


def _is_from_the_portal(request: Request) -> bool:
    """A session cookie only counts for reading, or where the browser says that our own page sent the request."""
    if request.method in SAFE_METHODS:
        return True
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return request.headers.get("Origin", "").partition("://")[2] == request.headers.get("Host")


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
