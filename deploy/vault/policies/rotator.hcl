# panvault-rotator: `panvault keys rotate` and `rewrap`, run by an operator.
# It moves data keys to new versions inside Vault and never sees one: there is
# no decrypt on a card key. It retires and destroys nothing; see destroyer.hcl.

# Move wrapped keys to the newest version; the plaintext stays in Vault. Only the
# batch form: outside of it a request could name an old key_version. Inside a
# batch Vault's policies do not look; the encryption floor stops it there.
path "transit/rewrap/panvault-card-live" {
  capabilities       = ["update"]
  allowed_parameters = { "batch_input" = [] }
}
path "transit/rewrap/panvault-card-test" {
  capabilities       = ["update"]
  allowed_parameters = { "batch_input" = [] }
}
path "transit/rewrap/panvault-work" {
  capabilities       = ["update"]
  allowed_parameters = { "batch_input" = [] }
}

# Add a version. Vault counts, and takes no argument.
path "transit/keys/panvault-card-live/rotate" {
  capabilities      = ["update"]
  denied_parameters = { "*" = [] }
}
path "transit/keys/panvault-card-test/rotate" {
  capabilities      = ["update"]
  denied_parameters = { "*" = [] }
}
path "transit/keys/panvault-work/rotate" {
  capabilities      = ["update"]
  denied_parameters = { "*" = [] }
}

# Raise the floor below which nothing wraps, at once after a rotation. No other
# setting can be named. That a floor only rises is beyond a policy: whoever
# lowers it is in Vault's audit, and Describe shows it.
path "transit/keys/panvault-card-live/config" {
  capabilities        = ["update"]
  required_parameters = ["min_encryption_version"]
  allowed_parameters  = { "min_encryption_version" = [] }
}
path "transit/keys/panvault-card-test/config" {
  capabilities        = ["update"]
  required_parameters = ["min_encryption_version"]
  allowed_parameters  = { "min_encryption_version" = [] }
}
path "transit/keys/panvault-work/config" {
  capabilities        = ["update"]
  required_parameters = ["min_encryption_version"]
  allowed_parameters  = { "min_encryption_version" = [] }
}

# Open the working keys, because what it changes in the store is tagged with the
# integrity key, and wrap new ones, because those have a life too.
path "transit/decrypt/panvault-work" {
  capabilities       = ["update"]
  allowed_parameters = { "batch_input" = [], "partial_failure_response_code" = [] }
}
path "transit/encrypt/panvault-work" {
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
