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

// rotating prepares a keyring and opens it any number of times.
func rotating(t *testing.T) func(t *testing.T) kmstest.Rotating {
	path := newPath(t)
	create(t, path, localkek.Options{})
	return func(t *testing.T) kmstest.Rotating { return open(t, path, localkek.Options{}) }
}

func TestRotatorConformance(t *testing.T) { kmstest.RunRotator(t, rotating) }

func TestRotatorConformanceResilient(t *testing.T) {
	kmstest.RunRotator(t, func(t *testing.T) func(t *testing.T) kmstest.Rotating {
		connect := rotating(t)
		return func(t *testing.T) kmstest.Rotating { return kms.NewResilient(connect(t), kms.ResilientOptions{}) }
	})
}
