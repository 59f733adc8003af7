-- +goose Up

-- The life of each version of each key. The KMS forgets when a version was born
-- once it may no longer decrypt; this does not. A row outlives its key.
CREATE TABLE key_versions (
    key            TEXT    NOT NULL CHECK (length(key) BETWEEN 1 AND 64),
    version        INTEGER NOT NULL CHECK (version BETWEEN 1 AND 4294967295),
    state          TEXT    NOT NULL CHECK (state IN ('planned', 'active', 'decrypt-only', 'retired', 'destroyed')),
    suspect        INTEGER NOT NULL CHECK (suspect IN (0, 1)),
    born_at        INTEGER NOT NULL CHECK (born_at >= 0),
    activated_at   INTEGER NOT NULL CHECK (activated_at >= 0),
    deactivated_at INTEGER NOT NULL CHECK (deactivated_at >= 0),
    retired_at     INTEGER NOT NULL CHECK (retired_at >= 0),
    destroyed_at   INTEGER NOT NULL CHECK (destroyed_at >= 0),
    changed_by     TEXT    NOT NULL CHECK (length(changed_by) BETWEEN 1 AND 255),
    reason         TEXT    NOT NULL CHECK (length(reason) <= 255),
    canary         BLOB    CHECK (length(canary) BETWEEN 1 AND 4096),
    tag            BLOB    NOT NULL CHECK (length(tag) = 20),
    PRIMARY KEY (key, version),
    CHECK ((state = 'destroyed') = (destroyed_at > 0))
) STRICT;

-- How many changes of keys there were; a node that has seen the newest has them
-- all.
CREATE TABLE key_epoch (
    one   INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    epoch INTEGER NOT NULL CHECK (epoch >= 0)
) STRICT;

INSERT INTO key_epoch (one, epoch) VALUES (1, 0);

-- One row for each process, so few that they need no index by time.
CREATE TABLE nodes (
    id         TEXT    NOT NULL PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 255),
    name       TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    started_at INTEGER NOT NULL CHECK (started_at >= 0),
    seen_at    INTEGER NOT NULL CHECK (seen_at >= 0),
    epoch      INTEGER NOT NULL CHECK (epoch >= 0),
    tag        BLOB    NOT NULL CHECK (length(tag) = 20)
) STRICT;

-- How far a run over many records has come; committed together with them.
CREATE TABLE key_jobs (
    id          TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 28),
    verb        TEXT    NOT NULL CHECK (length(verb) BETWEEN 1 AND 32),
    key         TEXT    NOT NULL CHECK (length(key) BETWEEN 1 AND 64),
    target      INTEGER NOT NULL CHECK (target BETWEEN 0 AND 4294967295),
    cursor      TEXT    NOT NULL CHECK (length(cursor) <= 64),
    moved       INTEGER NOT NULL CHECK (moved >= 0),
    skipped     INTEGER NOT NULL CHECK (skipped >= 0),
    failed      INTEGER NOT NULL CHECK (failed >= 0),
    started_at  INTEGER NOT NULL CHECK (started_at >= 0),
    updated_at  INTEGER NOT NULL CHECK (updated_at >= 0),
    finished_at INTEGER NOT NULL CHECK (finished_at >= 0),
    started_by  TEXT    NOT NULL CHECK (length(started_by) BETWEEN 1 AND 255),
    tag         BLOB    NOT NULL CHECK (length(tag) = 20)
) STRICT;

CREATE UNIQUE INDEX key_jobs_open ON key_jobs (verb, key) WHERE finished_at = 0;

-- What a key version or a generation still protects is a range of one of these,
-- in the order of ids, so that an insert appends.
CREATE INDEX cards_keys ON cards (live, kek_version, dek_generation, id) WHERE deleted_at = 0;
CREATE INDEX fingerprints_key ON fingerprints (live, key_version, id);

-- The cards of a number that was seen before. The first card of a number has
-- the fingerprint's id for its own and needs no entry.
CREATE INDEX cards_again ON cards (fingerprint_id, id) WHERE fingerprint_id <> '' AND fingerprint_id <> id;
