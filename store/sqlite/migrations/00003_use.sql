-- +goose Up

-- The reference of a stored card at the PaymentOptions front: a random UUID, ''
-- for none.
ALTER TABLE cards ADD COLUMN payment_method TEXT NOT NULL DEFAULT '' CHECK (length(payment_method) IN (0, 36));
CREATE UNIQUE INDEX cards_payment_method ON cards (payment_method) WHERE payment_method <> '';

-- What was used and belongs to nobody is destroyed soon: a range of this.
CREATE INDEX cards_spent ON cards (used_at) WHERE customer = '' AND used_at > 0 AND deleted_at = 0;

-- The merchant's id at the PaymentOptions front, '' for any.
ALTER TABLE merchants ADD COLUMN payment_mid TEXT NOT NULL DEFAULT '' CHECK (length(payment_mid) <= 255);

-- The ledger of what was sent to processors. lease_until is 0 once an attempt
-- has ended.
CREATE TABLE forwards (
    id          TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 24),
    merchant    TEXT    NOT NULL REFERENCES merchants (id),
    live        INTEGER NOT NULL CHECK (live IN (0, 1)),
    use         TEXT    NOT NULL CHECK (length(use) BETWEEN 1 AND 32),
    destination TEXT    NOT NULL CHECK (length(destination) BETWEEN 1 AND 64),
    card        TEXT    NOT NULL CHECK (length(card) IN (0, 24)),
    token       INTEGER NOT NULL CHECK (token IN (0, 1)),
    charge      TEXT    NOT NULL CHECK (length(charge) IN (0, 24)),
    request     BLOB    CHECK (length(request) = 32),
    state       TEXT    NOT NULL CHECK (state IN ('prepared', 'sending', 'answered', 'not_sent', 'unknown')),
    reason      TEXT    NOT NULL CHECK (length(reason) <= 255),
    status      INTEGER NOT NULL CHECK (status BETWEEN 0 AND 999),
    masked      INTEGER NOT NULL CHECK (masked >= 0),
    created_at  INTEGER NOT NULL CHECK (created_at >= 0),
    sent_at     INTEGER NOT NULL CHECK (sent_at >= 0),
    ended_at    INTEGER NOT NULL CHECK (ended_at >= 0),
    lease_until INTEGER NOT NULL CHECK (lease_until >= 0),
    vault_time    INTEGER NOT NULL CHECK (vault_time >= 0),
    answer_time   INTEGER NOT NULL CHECK (answer_time >= 0),
    tag         BLOB    NOT NULL CHECK (length(tag) = 20),
    CHECK ((state IN ('prepared', 'sending')) = (lease_until > 0))
) STRICT;

CREATE INDEX forwards_open ON forwards (lease_until) WHERE lease_until > 0;
CREATE INDEX forwards_request ON forwards (request, id) WHERE request IS NOT NULL;
CREATE INDEX forwards_card ON forwards (card, id) WHERE card <> '';

-- attempt is the forward that is under way, '' for none. sealed holds texts of
-- the merchant and the processor.
CREATE TABLE charges (
    id           TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 24),
    merchant     TEXT    NOT NULL REFERENCES merchants (id),
    live         INTEGER NOT NULL CHECK (live IN (0, 1)),
    card         TEXT    NOT NULL CHECK (length(card) = 24),
    customer     TEXT    NOT NULL CHECK (length(customer) IN (0, 24)),
    brand        TEXT    NOT NULL,
    last_digits  TEXT    NOT NULL CHECK (length(last_digits) = 4),
    amount       INTEGER NOT NULL CHECK (amount > 0),
    currency     TEXT    NOT NULL CHECK (length(currency) = 3),
    capture      INTEGER NOT NULL CHECK (capture IN (0, 1)),
    state        TEXT    NOT NULL CHECK (state IN ('pending', 'authorized', 'successful', 'failed', 'reversed')),
    failure_code TEXT    NOT NULL CHECK (length(failure_code) <= 255),
    reference    TEXT    NOT NULL CHECK (length(reference) <= 255),
    attempt      TEXT    NOT NULL CHECK (length(attempt) IN (0, 24)),
    sealed       BLOB    NOT NULL CHECK (length(sealed) > 0),
    created_at   INTEGER NOT NULL CHECK (created_at >= 0),
    paid_at      INTEGER NOT NULL CHECK (paid_at >= 0),
    reversed_at  INTEGER NOT NULL CHECK (reversed_at >= 0),
    tag          BLOB    NOT NULL CHECK (length(tag) = 20)
) STRICT;

CREATE INDEX charges_merchant ON charges (merchant, live, created_at, id);
