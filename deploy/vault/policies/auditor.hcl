# panvault-auditor: for whoever checks the
# others. It reads how Vault is set up and changes nothing; it can use no key.

# Every key of the mount, so that one beside ours is seen: versions, creation
# times, safety attributes. Never material.
path "transit/keys" {
  capabilities = ["list"]
}
path "transit/keys/+" {
  capabilities = ["read"]
}

# Whether a key can come into being by mere use (disable_upsert).
path "transit/config/keys" {
  capabilities = ["read"]
}

# Who may do what, and how they log in. A role's secrets are below other paths.
path "sys/policies/acl" {
  capabilities = ["list"]
}
path "sys/policies/acl/*" {
  capabilities = ["read"]
}
path "auth/approle/role" {
  capabilities = ["list"]
}
path "auth/approle/role/+" {
  capabilities = ["read"]
}
path "sys/auth" {
  capabilities = ["read"]
}
path "sys/mounts" {
  capabilities = ["read"]
}

# What Vault records: its audit devices, and the header that holds the ids of
# Panvault's audit events. Vault asks for sudo to look at either.
path "sys/audit" {
  capabilities = ["read", "sudo"]
}
path "sys/config/auditing/request-headers" {
  capabilities = ["read", "sudo"]
}
path "sys/config/auditing/request-headers/+" {
  capabilities = ["read", "sudo"]
}

# The brakes on mass decryption.
path "sys/quotas/rate-limit" {
  capabilities = ["list"]
}
path "sys/quotas/rate-limit/+" {
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
