-- +goose Up

-- A card names the fingerprint row of its number, which counts its cards, so
-- that the last of them to be destroyed takes the keyed hash along. '' and 0
-- in rows of before: those hashes stay.
ALTER TABLE fingerprints ADD COLUMN id TEXT NOT NULL DEFAULT '' CHECK (length(id) IN (0, 24));
ALTER TABLE fingerprints ADD COLUMN cards INTEGER NOT NULL DEFAULT 0 CHECK (cards >= 0);
ALTER TABLE cards ADD COLUMN fingerprint_id TEXT NOT NULL DEFAULT '' CHECK (length(fingerprint_id) IN (0, 24));

CREATE UNIQUE INDEX fingerprints_id ON fingerprints (id) WHERE id <> '';

-- What is due for destruction is a range of one of these.
CREATE INDEX cards_lapsing ON cards (expires_at) WHERE expires_at > 0 AND deleted_at = 0;
CREATE INDEX cards_used ON cards (used_at) WHERE used_at > 0 AND deleted_at = 0;
CREATE INDEX cards_expiring ON cards (expiry_year, expiry_month) WHERE customer <> '' AND deleted_at = 0;

-- status 0: in flight; 404: what was made is gone, and the answer with it. The
-- answer is sealed.
CREATE TABLE idempotency (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 32),
    request     BLOB    NOT NULL CHECK (length(request) = 32),
    merchant    TEXT    NOT NULL CHECK (length(merchant) = 29),
    live        INTEGER NOT NULL CHECK (live IN (0, 1)),
    customer    TEXT    NOT NULL CHECK (length(customer) IN (0, 24)),
    created_at  INTEGER NOT NULL CHECK (created_at >= 0),
    expires_at  INTEGER NOT NULL CHECK (expires_at >= 0),
    status      INTEGER NOT NULL CHECK (status = 0 OR status BETWEEN 100 AND 599),
    answer      BLOB    CHECK (length(answer) > 0),
    tag         BLOB    NOT NULL CHECK (length(tag) = 20),
    CHECK ((status IN (0, 404)) = (answer IS NULL))
) STRICT;

CREATE INDEX idempotency_expiry ON idempotency (expires_at);
CREATE INDEX idempotency_customer ON idempotency (customer) WHERE customer <> '';

-- How far an import has come; committed together with its cards.
CREATE TABLE imports (
    source      BLOB    NOT NULL PRIMARY KEY CHECK (length(source) = 32),
    id          TEXT    NOT NULL CHECK (length(id) = 29),
    merchant    TEXT    NOT NULL REFERENCES merchants (id),
    live        INTEGER NOT NULL CHECK (live IN (0, 1)),
    created_at  INTEGER NOT NULL CHECK (created_at >= 0),
    finished_at INTEGER NOT NULL CHECK (finished_at >= 0),
    records     INTEGER NOT NULL CHECK (records >= 0),
    cards       INTEGER NOT NULL CHECK (cards >= 0),
    read_to     INTEGER NOT NULL CHECK (read_to >= 0),
    prefix      BLOB    NOT NULL CHECK (length(prefix) = 32),
    map_size    INTEGER NOT NULL CHECK (map_size >= 0),
    reject_size INTEGER NOT NULL CHECK (reject_size >= 0),
    tag         BLOB    NOT NULL CHECK (length(tag) = 20)
) STRICT;

-- What takes two operators.
CREATE TABLE approvals (
    id           TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 29),
    action       TEXT    NOT NULL CHECK (length(action) BETWEEN 1 AND 64),
    subject      BLOB    NOT NULL CHECK (length(subject) BETWEEN 1 AND 4096),
    reason       TEXT    NOT NULL CHECK (length(reason) BETWEEN 1 AND 255),
    requested_by TEXT    NOT NULL CHECK (length(requested_by) = 29),
    requested_at INTEGER NOT NULL CHECK (requested_at >= 0),
    granted_by   TEXT    NOT NULL CHECK (length(granted_by) IN (0, 29)),
    granted_at   INTEGER NOT NULL CHECK (granted_at >= 0),
    expires_at   INTEGER NOT NULL CHECK (expires_at >= 0),
    used_at      INTEGER NOT NULL CHECK (used_at >= 0),
    tag          BLOB    NOT NULL CHECK (length(tag) = 20),
    CHECK ((granted_at = 0) = (granted_by = ''))
) STRICT;
