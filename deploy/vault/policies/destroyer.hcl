# panvault-destroyer: `panvault keys retire` and `destroy`, run by another person
# than the one who rotates. It ends the life of key versions, and can neither use
# a card key nor make a new version.

# Raise the floor below which nothing opens any more. No other setting can be
# named. Vault would let the floor be lowered again, down to what was trimmed:
# Panvault never does, and Vault's audit shows who did.
path "transit/keys/panvault-card-live/config" {
  capabilities        = ["update"]
  required_parameters = ["min_decryption_version"]
  allowed_parameters  = { "min_decryption_version" = [] }
}
path "transit/keys/panvault-card-test/config" {
  capabilities        = ["update"]
  required_parameters = ["min_decryption_version"]
  allowed_parameters  = { "min_decryption_version" = [] }
}
path "transit/keys/panvault-work/config" {
  capabilities        = ["update"]
  required_parameters = ["min_decryption_version"]
  allowed_parameters  = { "min_decryption_version" = [] }
}

# Destroy the versions below that floor, for good.
path "transit/keys/panvault-card-live/trim" {
  capabilities       = ["update"]
  allowed_parameters = { "min_available_version" = [] }
}
path "transit/keys/panvault-card-test/trim" {
  capabilities       = ["update"]
  allowed_parameters = { "min_available_version" = [] }
}
path "transit/keys/panvault-work/trim" {
  capabilities       = ["update"]
  allowed_parameters = { "min_available_version" = [] }
}

# Open the working keys: what it writes into the store is tagged with one.
path "transit/decrypt/panvault-work" {
  capabilities       = ["update"]
  allowed_parameters = { "batch_input" = [], "partial_failure_response_code" = [] }
}

# Metadata only: versions, creation times, safety attributes. A key that is
# exportable, deletable or not derived is refused.
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
