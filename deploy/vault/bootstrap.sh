#!/bin/sh
# Prepares a HashiCorp Vault (or OpenBao) for Panvault. See --help.
set -eu
umask 077

usage() {
	cat <<'HELP'
Prepare a Vault for Panvault. Needs curl. Safe to run again.

  bootstrap.sh                       mounts, keys, policies, roles, audit header
  bootstrap.sh secret-id ROLE DIR    write DIR/role_id and a new DIR/secret_id (0600)
                                     ROLE: panvault-intake, panvault-exchange, panvault-init,
                                     panvault-rotator, panvault-destroyer, panvault-auditor

Environment:
  VAULT_ADDR        address of Vault                       (required)
  VAULT_TOKEN       a token that may do all this           (required)
  VAULT_NAMESPACE   namespace                              (optional)
  VAULT_CACERT      CA file that signed Vault's certificate (optional)
  TRANSIT_MOUNT     mount of the transit engine            (transit)
  APPROLE_MOUNT     mount of the AppRole auth method       (approle)
  SECRET_ID_TTL     life of a server's secret_id           (720h)
  SECRET_ID_USES    logins with one secret_id              (1000)
                    A person's is shorter: init and destroyer 1h and 10
                    logins, rotator and auditor 24h and 100.
  BOUND_CIDRS       addresses that may log in, comma-separated (any)
  WRAP_TTL          secret-id only: write a wrapping token good for this long,
                    e.g. 5m, instead of the secret_id itself

It creates what is missing, sets policies and roles to what this folder says,
never changes a key, and stops at a key that is not safe.
HELP
}

die() { printf 'bootstrap: %s\n' "$*" >&2; exit 1; }
say() { printf '%s\n' "$*" >&2; }

# api METHOD PATH [BODY]: leaves the status in $status, the answer in $tmp/out.
# Token and body go through files, never through the argument list.
api() {
	{
		printf 'header = "X-Vault-Token: %s"\n' "$VAULT_TOKEN"
		[ -z "${VAULT_NAMESPACE:-}" ] || printf 'header = "X-Vault-Namespace: %s"\n' "$VAULT_NAMESPACE"
		[ -z "${VAULT_CACERT:-}" ] || printf 'cacert = "%s"\n' "$VAULT_CACERT"
		[ -z "${wrap:-}" ] || printf 'header = "X-Vault-Wrap-TTL: %s"\n' "$wrap"
		if [ $# -gt 2 ]; then
			printf '%s' "$3" >"$tmp/in"
			printf 'data-binary = "@%s"\n' "$tmp/in"
		fi
	} >"$tmp/curl"
	status=$(curl -q -sS -K "$tmp/curl" -X "$1" -o "$tmp/out" -w '%{http_code}' "${VAULT_ADDR%/}/v1/$2") ||
		die "cannot reach $VAULT_ADDR"
}

# must METHOD PATH [BODY]: api, and stop unless it worked.
must() {
	api "$@"
	case $status in
	2??) ;;
	403) die "$1 $2: permission denied; VAULT_TOKEN may not do this" ;;
	503) die "$1 $2: Vault is sealed or overloaded" ;;
	*) die "$1 $2: HTTP $status: $(grep -o '"errors":\[[^]]*\]' "$tmp/out" || true)" ;;
	esac
}

# field NAME: a string field of the last answer.
field() { sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p" "$tmp/out"; }

mounts() {
	api GET "sys/mounts/$TRANSIT_MOUNT"
	[ "$status" = 200 ] || { must POST "sys/mounts/$TRANSIT_MOUNT" '{"type":"transit","description":"Panvault key-encryption keys"}'; say "mounted $TRANSIT_MOUNT/"; }
	api GET "sys/auth/$APPROLE_MOUNT"
	[ "$status" = 200 ] || { must POST "sys/auth/$APPROLE_MOUNT" '{"type":"approle","description":"Panvault servers"}'; say "mounted auth/$APPROLE_MOUNT/"; }
	must POST "$TRANSIT_MOUNT/config/keys" '{"disable_upsert":true}'
}

# key NAME: create it, or check that what is there is safe.
key() {
	api GET "$TRANSIT_MOUNT/keys/$1"
	if [ "$status" = 404 ]; then
		must POST "$TRANSIT_MOUNT/keys/$1" '{"type":"aes256-gcm96","derived":true,"exportable":false,"allow_plaintext_backup":false}'
		must GET "$TRANSIT_MOUNT/keys/$1"
		say "created key $1"
	fi
	[ "$status" = 200 ] || die "read key $1: HTTP $status"
	for want in '"type":"aes256-gcm96"' '"derived":true' '"exportable":false' '"allow_plaintext_backup":false' '"deletion_allowed":false'; do
		grep -q -F "$want" "$tmp/out" || die "key $1 exists but lacks $want. exportable and plaintext backup cannot be taken back: use another mount, or destroy the key if nothing was ever wrapped by it."
	done
}

# policy NAME FILE: the HCL of this folder, with the mounts put in.
policy() {
	text=$(sed -e "s#\"transit/#\"$TRANSIT_MOUNT/#" -e "s#\"auth/approle/#\"auth/$APPROLE_MOUNT/#" "$here/policies/$2" |
		awk '{ gsub(/\\/, "\\\\"); gsub(/"/, "\\\""); gsub(/\t/, "\\t"); printf "%s\\n", $0 }')
	must PUT "sys/policies/acl/$1" "{\"policy\":\"$text\"}"
}

# role NAME SECRET_ID_TTL SECRET_ID_USES
role() {
	cidrs=
	[ -z "${BOUND_CIDRS:-}" ] || cidrs=",\"secret_id_bound_cidrs\":\"$BOUND_CIDRS\",\"token_bound_cidrs\":\"$BOUND_CIDRS\""
	must POST "auth/$APPROLE_MOUNT/role/$1" "{\"token_policies\":\"$1\",\"token_no_default_policy\":true,\"token_type\":\"service\",\"token_ttl\":\"1h\",\"token_max_ttl\":\"24h\",\"bind_secret_id\":true,\"secret_id_ttl\":\"$2\",\"secret_id_num_uses\":$3$cidrs}"
}

# audit_header shows the ids of Panvault's audit events in Vault's audit in
# clear, so that the two can be matched line by line.
audit_header() {
	if [ -n "${VAULT_NAMESPACE:-}" ]; then
		say "audit headers belong to the root namespace: have its administrator run"
		say "  vault write sys/config/auditing/request-headers/X-Panvault-Event hmac=false"
		return
	fi
	must POST sys/config/auditing/request-headers/X-Panvault-Event '{"hmac":false}'
}

prepare() {
	mounts
	for k in panvault-card-live panvault-card-test panvault-work; do key "$k"; done
	policy panvault-intake intake.hcl
	policy panvault-exchange exchange.hcl
	policy panvault-init init.hcl
	policy panvault-rotator rotator.hcl
	policy panvault-destroyer destroyer.hcl
	policy panvault-auditor auditor.hcl
	role panvault-intake "$SECRET_ID_TTL" "$SECRET_ID_USES"
	role panvault-exchange "$SECRET_ID_TTL" "$SECRET_ID_USES"
	role panvault-init 1h 10
	role panvault-rotator 24h 100
	role panvault-destroyer 1h 10
	role panvault-auditor 24h 100
	audit_header
	say "ready: keys, policies and roles are in place"
}

secret_id() {
	[ $# -eq 2 ] || die "usage: bootstrap.sh secret-id ROLE DIR"
	mkdir -p "$2"
	must GET "auth/$APPROLE_MOUNT/role/$1/role-id"
	field role_id >"$2/role_id.new"
	wrap=${WRAP_TTL:-}
	must POST "auth/$APPROLE_MOUNT/role/$1/secret-id" '{}'
	if [ -n "$wrap" ]; then field token; else field secret_id; fi >"$2/secret_id.new"
	for f in role_id secret_id; do
		[ -s "$2/$f.new" ] || die "no $f in Vault's answer"
		mv "$2/$f.new" "$2/$f"
	done
	say "wrote $2/role_id and $2/secret_id"
}

case ${1:-} in
-h | --help | help) usage; exit 0 ;;
esac
: "${VAULT_ADDR:?set VAULT_ADDR to the address of Vault, such as https://vault.example:8200}"
: "${VAULT_TOKEN:?set VAULT_TOKEN to a token that may mount engines and write policies}"
: "${TRANSIT_MOUNT:=transit}" "${APPROLE_MOUNT:=approle}" "${SECRET_ID_TTL:=720h}" "${SECRET_ID_USES:=1000}"
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

case ${1:-} in
'') prepare ;;
secret-id) shift; secret_id "$@" ;;
*) usage >&2; die "unknown command: $1" ;;
esac
