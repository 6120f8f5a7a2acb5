"""Rebuilds a projection beside the live one, which goes on meanwhile, and swaps the two in one transaction."""

import logging
import time
from collections.abc import Mapping

from psycopg import Connection, errors, sql
from psycopg.rows import DictRow

from projections import catalogue, progress, scratch
from projections.engine import catch_up
from projections.projection import Projection, Table
from services.errors import Unavailable
from services.messages import Feed
from services.personal_data import Vault

log = logging.getLogger(__name__)

ATTEMPTS_TO_SWAP = 10
LOCK_TIMEOUT = "2s"


def rebuild(name: str, owner_url: str, feeds: Mapping[str, Feed], vault: Vault) -> dict[str, int]:
    """Rebuild the projection from its feeds in the form of this version; the positions it then is at.

    Readers see the old rows until the swap and wait for that at most a moment. Also the cure for a
    projection whose events were parked or whose rows are of another version.
    """
    return _beside(name, owner_url, feeds, vault, copied=False)


def rewrite(name: str, owner_url: str, feeds: Mapping[str, Feed], vault: Vault) -> dict[str, int]:
    """Write the projection's rows into new files, and drop the old ones with all that changed rows left in them.

    Like `rebuild`, but begins with a copy of the live rows.
    """
    return _beside(name, owner_url, feeds, vault, copied=True)


def _beside(
    name: str, owner_url: str, feeds: Mapping[str, Feed], vault: Vault, *, copied: bool
) -> dict[str, int]:
    projection = catalogue.named(name)
    schema = f"rebuild_{name}"
    with scratch.connect(owner_url) as conn:
        scratch.create(conn, schema, projection.tables)
        if copied:
            scratch.copy(conn, schema, projection.tables)
        catch_up(conn, projection, feeds, vault, upto=_heads(projection, feeds))
        for table in projection.tables:
            scratch.add_indexes(conn, schema, table)
            conn.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(schema, table.name)))
        catch_up(conn, projection, feeds, vault, upto=_heads(projection, feeds))
        reached = _swap_when_possible(conn, projection, schema, feeds, vault)
        scratch.drop(conn, schema)
    return reached


def _heads(projection: Projection, feeds: Mapping[str, Feed]) -> dict[str, int]:
    """How far to go now: a log that grows as fast as it is read has no end to wait for."""
    return {source: feeds[source].head() for source in projection.sources}


def rebuild_outdated(owner_url: str, feeds: Mapping[str, Feed], vault: Vault) -> list[str]:
    """Rebuild every projection whose rows are of another version, as after an update of Kontor; their names."""
    with scratch.connect(owner_url) as conn:
        scratch.use(conn, scratch.LIVE)
        names = [projection.name for projection in catalogue.ALL if progress.is_outdated(conn, projection)]
    for name in names:
        log.info("%s is rebuilt for this version", name)
        rebuild(name, owner_url, feeds, vault)
    return names


def _swap_when_possible(
    conn: Connection[DictRow], projection: Projection, schema: str, feeds: Mapping[str, Feed], vault: Vault
) -> dict[str, int]:
    """Swap when no long query is in the way; new queries queue behind a waiting swap, so it gives up soon."""
    for attempt in range(1, ATTEMPTS_TO_SWAP + 1):
        try:
            with conn.transaction():
                return _swap(conn, projection, schema, feeds, vault)
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            log.info("%s: readers are in the way of the swap, attempt %d", projection.name, attempt)
            time.sleep(0.2 * attempt)
    raise Unavailable("Long queries kept the rebuilt projection from taking its place; try again.")


def _swap(
    conn: Connection[DictRow], projection: Projection, schema: str, feeds: Mapping[str, Feed], vault: Vault
) -> dict[str, int]:
    conn.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(LOCK_TIMEOUT))
    scratch.use(conn, scratch.LIVE)
    live = progress.lock(conn, projection.name)
    scratch.use(conn, schema)
    reached = catch_up(conn, projection, feeds, vault, upto=live)
    names = sql.SQL(", ").join(sql.Identifier(scratch.LIVE, table.name) for table in projection.tables)
    conn.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(names))
    old = f"{schema}_old"
    conn.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(old)))
    for table in projection.tables:
        _take_place(conn, table, schema, old)
    scratch.drop(conn, old)
    _take_progress(conn, projection, schema)
    return reached


def _take_place(conn: Connection[DictRow], table: Table, schema: str, old: str) -> None:
    """Put the scratch table in the place of the live one, with its owner and its grants."""
    live, new = sql.Identifier(scratch.LIVE, table.name), sql.Identifier(schema, table.name)
    rights = conn.execute(
        """
        SELECT pg_get_userbyid(relowner) AS owner, privilege_type AS privilege,
               CASE grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(grantee) END AS grantee
        FROM pg_class LEFT JOIN LATERAL aclexplode(relacl) ON true WHERE pg_class.oid = %s::regclass
        """,
        [f"{scratch.LIVE}.{table.name}"],
    ).fetchall()
    conn.execute(sql.SQL("ALTER TABLE {} OWNER TO {}").format(new, sql.Identifier(rights[0]["owner"])))
    for right in rights:
        if right["privilege"]:
            grantee = sql.Identifier(right["grantee"]) if right["grantee"] else sql.SQL("PUBLIC")
            conn.execute(sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(right["privilege"]), new, grantee))
    conn.execute(sql.SQL("ALTER TABLE {} SET SCHEMA {}").format(live, sql.Identifier(old)))
    conn.execute(sql.SQL("ALTER TABLE {} SET SCHEMA {}").format(new, sql.Identifier(scratch.LIVE)))


def _take_progress(conn: Connection[DictRow], projection: Projection, schema: str) -> None:
    """What was reached and parked in the scratch schema is now true of the live projection.

    Its rows of `positions` stay the same rows, so that a batch that waits for them can go on.
    """
    names = {"live": sql.Identifier(scratch.LIVE), "new": sql.Identifier(schema)}
    for statement in (
        "DELETE FROM {live}.positions WHERE projection = %s"
        " AND source NOT IN (SELECT source FROM {new}.positions)",
        "INSERT INTO {live}.positions SELECT * FROM {new}.positions WHERE projection = %s"
        " ON CONFLICT (projection, source) DO UPDATE"
        " SET version = EXCLUDED.version, position = EXCLUDED.position, error = NULL",
        "DELETE FROM {live}.parked WHERE projection = %s",
        "INSERT INTO {live}.parked SELECT * FROM {new}.parked WHERE projection = %s",
    ):
        conn.execute(sql.SQL(statement).format(**names), [projection.name])
