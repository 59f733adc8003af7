// Package kmstest is the one conformance suite of the KMS seam. Every backend
// runs it, over a network or not, and so does every decorator of a backend.
//
// It promises to test what kms.KMS (Run) and kms.Rotator (RunRotator) promise
// and nothing else: it measures no time, it assumes no blob format, and Run
// leaves a shared server's keys as it found them (it only wraps and unwraps).
// It must never skip a case: a backend that cannot run one does not conform.
package kmstest

import (
	"testing"

	"github.com/panvault/panvault/kms"
)

// Case is one named promise of kms.KMS and the test of it.
type Case struct {
	Name string
	Test func(t *testing.T, k kms.KMS)
}

// Cases lists the suite in the order Run takes it, for a backend that has to
// prepare something before one of them.
func Cases() []Case {
	return []Case{
		{"RoundTripEveryKey", roundTripEveryKey},
		{"RoundTripEveryLength", roundTripEveryLength},
		{"WrapTwiceDiffers", wrapTwiceDiffers},
		{"InputsUntouched", inputsUntouched},
		{"ResultsOwnTheirBytes", resultsOwnTheirBytes},
		{"WrongContext", wrongContext},
		{"BlobOfAnotherKey", blobOfAnotherKey},
		{"EveryBitFlip", everyBitFlip},
		{"EveryTruncation", everyTruncation},
		{"EveryExtension", everyExtension},
		{"ForeignBlobs", foreignBlobs},
		{"BatchSizes", batchSizes},
		{"BatchInOrder", batchInOrder},
		{"MixedBatch", mixedBatch},
		{"AllBadBatch", allBadBatch},
		{"WrapItemLimits", wrapItemLimits},
		{"UnwrapItemLimits", unwrapItemLimits},
		{"UnknownKey", unknownKey},
		{"VersionOf", versionOf},
		{"DescribeEveryKey", describeEveryKey},
		{"CheckServes", checkServes},
		{"ContextOver", contextOver},
		{"Concurrent", concurrent},
		{"ErrorsTellNothing", errorsTellNothing},
		{"Closed", closed},
	}
}

// Run runs every case as a subtest, each on its own backend from open, which
// must hold all of kms.Keys. Run closes each backend, some of them twice: Close
// is idempotent. Cases run one after another; the suite is meant for -race.
func Run(t *testing.T, open func(t *testing.T) kms.KMS) {
	t.Helper()
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			k := open(t)
			t.Cleanup(func() {
				if err := k.Close(); err != nil {
					t.Errorf("Close() = %v, want nil", err)
				}
			})
			c.Test(t, k)
		})
	}
}
