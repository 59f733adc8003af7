-- +goose Up

-- Times are microseconds since the Unix epoch, 0 for never. Ordinary rowid
-- tables: with ids in the order of time an insert dirties one leaf of the
-- table and one of its index.

CREATE TABLE merchants (
    id                TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 29),
    name              TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    created_at        INTEGER NOT NULL CHECK (created_at >= 0),
    disabled_at       INTEGER NOT NULL CHECK (disabled_at >= 0),
    show_first_digits INTEGER NOT NULL CHECK (show_first_digits IN (0, 1)),
    hide_fingerprint  INTEGER NOT NULL CHECK (hide_fingerprint IN (0, 1)),
    token_ttl         INTEGER NOT NULL CHECK (token_ttl >= 0),
    tag               BLOB    NOT NULL CHECK (length(tag) = 20)
) STRICT;

-- merchant is '' for the keys of operators, so it cannot be a foreign key.
CREATE TABLE api_keys (
    id         TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 29),
    hash       BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    merchant   TEXT    NOT NULL CHECK (length(merchant) IN (0, 29)),
    kind       TEXT    NOT NULL CHECK (length(kind) BETWEEN 1 AND 32),
    live       INTEGER NOT NULL CHECK (live IN (0, 1)),
    label      TEXT    NOT NULL,
    hint       TEXT    NOT NULL CHECK (length(hint) <= 4),
    created_at INTEGER NOT NULL CHECK (created_at >= 0),
    revoked_at INTEGER NOT NULL CHECK (revoked_at >= 0),
    last_used  INTEGER NOT NULL CHECK (last_used >= 0),
    tag        BLOB    NOT NULL CHECK (length(tag) = 20)
) STRICT;

CREATE INDEX api_keys_merchant ON api_keys (merchant);

-- A destroyed card keeps its row and loses its key: wrapped_dek must be NULL.
CREATE TABLE cards (
    id             TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 24),
    merchant       TEXT    NOT NULL REFERENCES merchants (id),
    live           INTEGER NOT NULL CHECK (live IN (0, 1)),
    customer       TEXT    NOT NULL CHECK (length(customer) IN (0, 24)),
    created_at     INTEGER NOT NULL CHECK (created_at >= 0),
    expires_at     INTEGER NOT NULL CHECK (expires_at >= 0),
    used_at        INTEGER NOT NULL CHECK (used_at >= 0),
    attached_at    INTEGER NOT NULL CHECK (attached_at >= 0),
    deleted_at     INTEGER NOT NULL CHECK (deleted_at >= 0),
    brand          TEXT    NOT NULL,
    last_digits    TEXT    NOT NULL CHECK (length(last_digits) = 4),
    expiry_month   INTEGER NOT NULL CHECK (expiry_month BETWEEN 1 AND 12),
    expiry_year    INTEGER NOT NULL CHECK (expiry_year BETWEEN 1000 AND 9999),
    fingerprint    BLOB    NOT NULL CHECK (length(fingerprint) = 32),
    charge_status  TEXT    NOT NULL,
    kek_version    INTEGER NOT NULL CHECK (kek_version BETWEEN 0 AND 4294967295),
    dek_generation INTEGER NOT NULL CHECK (dek_generation BETWEEN 1 AND 4294967295),
    wrapped_dek    BLOB    CHECK (length(wrapped_dek) > 0),
    sealed_pan     BLOB    CHECK (length(sealed_pan) > 0),
    sealed_profile BLOB    CHECK (length(sealed_profile) > 0),
    tag            BLOB    NOT NULL CHECK (length(tag) = 20),
    CHECK (deleted_at = 0 OR wrapped_dek IS NULL)
) STRICT;

-- A page of a customer's cards is one range of this index, however many
-- customers there are. Deleted cards leave it.
CREATE INDEX cards_customer ON cards (customer, created_at, id) WHERE customer <> '' AND deleted_at = 0;

CREATE TABLE customers (
    id           TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 24),
    merchant     TEXT    NOT NULL REFERENCES merchants (id),
    live         INTEGER NOT NULL CHECK (live IN (0, 1)),
    created_at   INTEGER NOT NULL CHECK (created_at >= 0),
    deleted_at   INTEGER NOT NULL CHECK (deleted_at >= 0),
    default_card TEXT    NOT NULL CHECK (length(default_card) IN (0, 24)),
    sealed       BLOB    CHECK (length(sealed) > 0),
    tag          BLOB    NOT NULL CHECK (length(tag) = 20),
    CHECK (deleted_at = 0 OR sealed IS NULL)
) STRICT;

CREATE INDEX customers_merchant ON customers (merchant, live, created_at, id) WHERE deleted_at = 0;

CREATE TABLE fingerprints (
    mac         BLOB    NOT NULL PRIMARY KEY CHECK (length(mac) = 32),
    key_version INTEGER NOT NULL CHECK (key_version BETWEEN 1 AND 4294967295),
    merchant    TEXT    NOT NULL CHECK (length(merchant) = 29),
    live        INTEGER NOT NULL CHECK (live IN (0, 1)),
    surrogate   BLOB    NOT NULL CHECK (length(surrogate) = 32),
    created_at  INTEGER NOT NULL CHECK (created_at >= 0),
    tag         BLOB    NOT NULL CHECK (length(tag) = 20)
) STRICT;

CREATE TABLE working_keys (
    purpose     TEXT    NOT NULL CHECK (length(purpose) BETWEEN 1 AND 32),
    mode        TEXT    NOT NULL CHECK (mode IN ('test', 'live', 'all')),
    version     INTEGER NOT NULL CHECK (version BETWEEN 1 AND 4294967295),
    state       TEXT    NOT NULL CHECK (length(state) BETWEEN 1 AND 32),
    kek_version INTEGER NOT NULL CHECK (kek_version BETWEEN 0 AND 4294967295),
    wrapped     BLOB    CHECK (length(wrapped) > 0),
    created_at  INTEGER NOT NULL CHECK (created_at >= 0),
    tag         BLOB    NOT NULL CHECK (length(tag) = 20),
    PRIMARY KEY (purpose, mode, version)
) STRICT;

CREATE TABLE events (
    id   TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 29),
    at   INTEGER NOT NULL CHECK (at >= 0),
    type TEXT    NOT NULL CHECK (length(type) BETWEEN 1 AND 64),
    body BLOB    NOT NULL CHECK (length(body) BETWEEN 1 AND 16384),
    leaf BLOB    NOT NULL CHECK (length(leaf) = 32)
) STRICT;

-- +goose StatementBegin
CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER events_no_delete BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- +goose StatementEnd
