# Thin: every target is one command that can be typed without make.

GO        ?= go
VAULT_DEV := $(CURDIR)/build/vaultdev

.PHONY: test build vault-dev check fuzz clean

# Everything: builds the development Vault first. A missing one fails, and so do
# missing node, npm and curl.
test: check $(VAULT_DEV)
	PANVAULT_TEST_VAULT=$(VAULT_DEV) PANVAULT_REQUIRE_VAULT=1 PANVAULT_REQUIRE_NODE=1 $(GO) test -race -timeout 20m ./...

check:
	@test -z "$$(gofmt -l cmd kms policy store vault deploy)" || { gofmt -l cmd kms policy store vault deploy; echo "run gofmt -w on these"; exit 1; }
	$(GO) vet ./...
	$(GO) mod verify
	$(GO) mod tidy -diff

build:
	$(GO) build -trimpath -buildvcs=auto -o build/panvault ./cmd/panvault

# A real HashiCorp Vault with the keys and policies of deploy/vault.
vault-dev: $(VAULT_DEV)
	$(VAULT_DEV) -bootstrap deploy/vault/bootstrap.sh

$(VAULT_DEV): $(wildcard deploy/vault/dev/*.go) deploy/vault/dev/go.mod
	$(GO) build -C deploy/vault/dev -o $@ .

# A minute for each fuzz target.
fuzz:
	@for target in $$(grep -rhoE '^func Fuzz[A-Za-z]+' --include=*_test.go . | sed 's/func //' | sort -u); do \
		pkg=./$$(dirname $$(grep -rlE "^func $$target\(" --include=*_test.go . | head -1)); \
		$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime 60s -fuzzminimizetime 1x $$pkg || exit 1; \
	done

clean:
	rm -rf build
