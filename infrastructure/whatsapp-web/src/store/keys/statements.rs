//! What is asked of the table `wa_keys`. Every statement begins with the workspace and the instance.

/// A write: the lease is locked and compared in the very statement that writes, and the answer says both whether it
/// was held and how many rows were touched. A statement that only fetches the lease row locks nothing else first,
/// so a takeover that got there before makes the comparison fail on its newer row.
macro_rules! fenced {
    ($write:expr) => {
        concat!(
            "WITH fence AS (SELECT 1 FROM leases \
             WHERE workspace_id = $1 AND instance_id = $2 AND epoch = $3 FOR SHARE), done AS (",
            $write,
            ") SELECT (SELECT count(*) FROM fence), (SELECT count(*) FROM done)"
        )
    };
}

macro_rules! upsert {
    ($stamp:expr, $until:expr) => {
        fenced!(concat!(
            "INSERT INTO wa_keys AS old (workspace_id, instance_id, kind, key, scope, value, stamp, until) \
             SELECT $1, $2, $4, new.key, new.scope, new.value, new.stamp, new.until \
             FROM fence, unnest($5::bytea[], $6::bytea[], $7::bytea[], $8::bigint[], $9::bigint[]) \
             AS new(key, scope, value, stamp, until) \
             ON CONFLICT (workspace_id, instance_id, kind, key) DO UPDATE \
             SET scope = excluded.scope, value = excluded.value, stamp = ",
            $stamp,
            ", until = ",
            $until,
            " RETURNING 1"
        ))
    };
}

macro_rules! delete {
    ($condition:expr) => {
        fenced!(concat!(
            "DELETE FROM wa_keys old USING fence WHERE old.workspace_id = $1 AND old.instance_id = $2 ",
            $condition,
            " RETURNING 1"
        ))
    };
}

pub(super) const PUT: &str = upsert!("excluded.stamp", "excluded.until");
/// A deadline is never shortened (0 is for ever), a known time never forgotten.
pub(super) const PUT_LATER: &str = upsert!(
    "GREATEST(old.stamp, excluded.stamp)",
    "CASE WHEN old.until = 0 OR excluded.until = 0 THEN 0 ELSE GREATEST(old.until, excluded.until) END"
);
pub(super) const STAMP: &str = fenced!(
    "UPDATE wa_keys old SET stamp = $5 FROM fence WHERE old.workspace_id = $1 AND old.instance_id = $2 \
     AND old.kind = $4 AND old.key = ANY($6) RETURNING 1"
);
pub(super) const DELETE: &str = delete!("AND old.kind = $4 AND old.key = ANY($5)");
pub(super) const DELETE_SCOPE: &str = delete!("AND old.kind = $4 AND old.scope = $5");
pub(super) const DELETE_KIND: &str = delete!("AND old.kind = $4");
pub(super) const DELETE_OLDER: &str = delete!("AND old.kind = $4 AND old.stamp < $5");
pub(super) const DELETE_OLDER_BOTH: &str = delete!("AND old.kind = $4 AND old.stamp < $5 AND old.until < $6");
pub(super) const DELETE_DUE: &str = delete!("AND old.kind = $4 AND old.until <> 0 AND old.until <= $5");
pub(super) const DELETE_TAIL: &str = delete!("AND old.kind = $4 AND substring(old.key FROM 17) = ANY($5)");
pub(super) const DELETE_ALL: &str = delete!("");
pub(super) const TAKE: &str = "WITH fence AS (SELECT 1 FROM leases \
     WHERE workspace_id = $1 AND instance_id = $2 AND epoch = $3 FOR SHARE), done AS (\
     DELETE FROM wa_keys old USING fence WHERE old.workspace_id = $1 AND old.instance_id = $2 \
     AND old.kind = $4 AND old.key = $5 RETURNING value) \
     SELECT (SELECT count(*) FROM fence), (SELECT value FROM done)";
pub(super) const READ: &str = "SELECT key, value, stamp FROM wa_keys \
     WHERE workspace_id = $1 AND instance_id = $2 AND kind = $3 AND key = ANY($4)";
pub(super) const READ_SCOPE: &str = "SELECT key, value, stamp FROM wa_keys \
     WHERE workspace_id = $1 AND instance_id = $2 AND kind = $3 AND scope = $4 ORDER BY stamp DESC, key DESC";
pub(super) const READ_KIND: &str = "SELECT key, value, stamp FROM wa_keys \
     WHERE workspace_id = $1 AND instance_id = $2 AND kind = $3 ORDER BY stamp DESC, key DESC";
pub(super) const EXISTS: &str = "SELECT EXISTS (SELECT 1 FROM wa_keys \
     WHERE workspace_id = $1 AND instance_id = $2 AND kind = $3 AND key = $4)";
pub(super) const EXISTS_SCOPE: &str = "SELECT EXISTS (SELECT 1 FROM wa_keys \
     WHERE workspace_id = $1 AND instance_id = $2 AND kind = ANY($3) AND scope = $4)";
pub(super) const GREATEST_KEY: &str = "SELECT max(encode(key, 'hex')) FROM wa_keys \
     WHERE workspace_id = $1 AND instance_id = $2 AND kind = $3";
pub(super) const LEASE: &str =
    "SELECT EXISTS (SELECT 1 FROM leases WHERE workspace_id = $1 AND instance_id = $2 AND epoch = $3)";
