-- +goose Up

-- Who asked to see which card, and nothing of the card.
CREATE TABLE reveals (
    id         TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 29),
    api_key    TEXT    NOT NULL CHECK (length(api_key) = 29),
    merchant   TEXT    NOT NULL REFERENCES merchants (id),
    live       INTEGER NOT NULL CHECK (live IN (0, 1)),
    card       TEXT    NOT NULL CHECK (length(card) = 24),
    fields     TEXT    NOT NULL CHECK (length(fields) BETWEEN 1 AND 255),
    outcome    TEXT    NOT NULL CHECK (length(outcome) BETWEEN 1 AND 32),
    created_at INTEGER NOT NULL CHECK (created_at >= 0),
    counted_at INTEGER NOT NULL CHECK (counted_at >= created_at),
    tag        BLOB    NOT NULL CHECK (length(tag) = 20)
) STRICT;

-- What a key has used of its budget is a range of it.
CREATE INDEX reveals_budget ON reveals (api_key, counted_at, id);
