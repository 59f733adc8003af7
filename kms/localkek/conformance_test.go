package localkek_test

import (
	"testing"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/kms/kmstest"
	"github.com/panvault/panvault/kms/localkek"
)

func TestConformance(t *testing.T) {
	kmstest.Run(t, func(t *testing.T) kms.KMS { return create(t, newPath(t), localkek.Options{}) })
}

// TestConformanceReopened runs on a keyring with a history.
func TestConformanceReopened(t *testing.T) {
	path := newPath(t)
	k := create(t, path, localkek.Options{})
	rotate(t, k, 2)
	if _, err := k.Retire(t.Context(), kms.CardTest, 2); err != nil {
		t.Fatal(err)
	}
	kmstest.Run(t, func(t *testing.T) kms.KMS { return open(t, path, localkek.Options{}) })
}

// TestConformanceResilient: the decorator keeps every promise of what it
// decorates.
func TestConformanceResilient(t *testing.T) {
	kmstest.Run(t, func(t *testing.T) kms.KMS {
		return kms.NewResilient(create(t, newPath(t), localkek.Options{}), kms.ResilientOptions{})
	})
}
