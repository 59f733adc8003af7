package main

import (
	"net"
	"path/filepath"

	"github.com/panvault/panvault/vault/forward"
)

// resolver finds the addresses of destinations. It is Go's own, since the C
// library's loads modules at the first name, which a confined process may not.
func resolver() forward.Resolver { return &net.Resolver{PreferGo: true} }

// nameFiles lists where the files of name resolution really are: often they are
// links out of /etc.
func nameFiles() []string {
	var files []string
	for _, file := range []string{"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf"} {
		if target, err := filepath.EvalSymlinks(file); err == nil {
			files = append(files, target)
		}
	}
	return files
}
