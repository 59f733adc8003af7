# panvault-init: `panvault init`, run once by a person, then put away.
# It makes the working keys. It cannot open a card, and the servers cannot
# make working keys.

# Wrap the data key of a new card. "update" without "create": a missing key is
# an error and is never created on the way. Only the batch form is allowed, so
# no request can name a key_version of its own at the top level.
path "transit/encrypt/panvault-card-live" {
  capabilities       = ["update"]
  allowed_parameters = { "batch_input" = [], "partial_failure_response_code" = [] }
}
path "transit/encrypt/panvault-card-test" {
  capabilities       = ["update"]
  allowed_parameters = { "batch_input" = [], "partial_failure_response_code" = [] }
}

# Wrap new working keys. Only this identity may.
path "transit/encrypt/panvault-work" {
  capabilities       = ["update"]
  allowed_parameters = { "batch_input" = [], "partial_failure_response_code" = [] }
}

# Read them back: the proof that what was written opens, and what lets a
# second run of init go on where the first one stopped.
path "transit/decrypt/panvault-work" {
  capabilities       = ["update"]
  allowed_parameters = { "batch_input" = [], "partial_failure_response_code" = [] }
}

# Metadata only: versions, creation times, safety attributes. At start the
# server refuses a key that is exportable, deletable or not derived.
path "transit/keys/panvault-card-live" {
  capabilities = ["read"]
}
path "transit/keys/panvault-card-test" {
  capabilities = ["read"]
}
path "transit/keys/panvault-work" {
  capabilities = ["read"]
}

# Its own token, and nobody else's. The roles carry no "default" policy.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}

# No key ever leaves, whatever other policy is attached: deny wins.
path "transit/export/*" {
  capabilities = ["deny"]
}
path "transit/backup/*" {
  capabilities = ["deny"]
}
path "transit/byok-export/*" {
  capabilities = ["deny"]
}
path "transit/restore" {
  capabilities = ["deny"]
}
path "transit/restore/*" {
  capabilities = ["deny"]
}
