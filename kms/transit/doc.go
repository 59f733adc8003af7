// Package transit implements kms.KMS on the transit engine of HashiCorp Vault
// (or OpenBao), over github.com/hashicorp/vault/api.
//
// It promises that every key is wrapped under the derivation context it was
// given and opens only under it; that an answer which does not match the
// request in count, length or form is an error and never a result; that one
// bad item of a batch does not spoil the others; that a token is renewed in
// time and replaced when Vault stops accepting it; and that every failure is
// one of the sentinels of package kms with a text of its own.
//
// It changes a key in three ways only, through kms.Rotator: a new version, a
// higher floor, a trim. It must never retry (kms.Resilient does), create, export
// or delete a key, lower a floor, send a key_version or associated_data (a
// rewrap would ignore the latter), pass on server text that could echo input, print a token, keep a
// plaintext after a call, or see card data. No other package of this module
// imports HashiCorp's client.
//
// Plaintext keys travel in byte slices that are cleared after use. The copies
// that net/http and crypto/tls make are out of reach: the promise is reduced
// exposure, not absence.
package transit
