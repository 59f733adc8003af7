// Command panvault is the card vault: server, administration and development
// sandbox in one binary.
//
// It is the only place that names a concrete store and KMS. It must never put
// a secret on its command line, in its output (but for a key that is shown
// once) or in an error.
package main

import (
	"os"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
