package card_test

import (
	"os"
	"path/filepath"
	"testing"
)

// Fuzzing starts from the files committed here, beside the seeds in code.
func TestFuzzCorporaAreNotEmpty(t *testing.T) {
	for _, target := range []string{"FuzzParse", "FuzzContainsPAN", "FuzzPadded", "FuzzDecodeProfile"} {
		files, err := os.ReadDir(filepath.Join("testdata", "fuzz", target))
		if err != nil || len(files) == 0 {
			t.Errorf("%s has no corpus: %v", target, err)
		}
	}
}
