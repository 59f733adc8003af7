package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// secretRef says where a secret is; it never holds one. It is written
// "file:PATH" or "env:NAME".
type secretRef string

// maxSecretFile bounds what is read of a secret file, in bytes.
const maxSecretFile = 4096

var errLiteralSecret = errors.New("write a reference, file:PATH or env:NAME, not the secret itself")

// validate checks the form only.
func (r secretRef) validate() error {
	if _, rest, ok := strings.Cut(string(r), ":"); ok && rest != "" && (r.is("file") || r.is("env")) {
		return nil
	}
	return errLiteralSecret
}

func (r secretRef) is(scheme string) bool { return strings.HasPrefix(string(r), scheme+":") }

func (r secretRef) target() string {
	_, rest, _ := strings.Cut(string(r), ":")
	return rest
}

// read returns the secret without its trailing newline. A file must belong to
// its owner alone.
func (r secretRef) read() (string, error) {
	if err := r.validate(); err != nil {
		return "", err
	}
	if r.is("env") {
		secret := os.Getenv(r.target())
		if secret == "" {
			return "", fmt.Errorf("environment variable %s is not set", r.target())
		}
		return secret, nil
	}
	f, err := os.Open(r.target())
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if open := info.Mode().Perm() & 0o077; open != 0 && info.Mode().IsRegular() {
		return "", hint(fmt.Errorf("%s can be read by others", r.target()), "chmod 600 %s", r.target())
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return "", err
	}
	if len(b) > maxSecretFile {
		return "", fmt.Errorf("%s is too large for a secret", r.target())
	}
	secret := strings.TrimRight(string(b), "\r\n")
	if secret == "" {
		return "", fmt.Errorf("%s is empty", r.target())
	}
	return secret, nil
}

// saveSecret makes a secret and writes it to a new file that only its owner
// reads; without a path it only makes it. The file comes first, so that no
// secret is made that cannot be kept. It never replaces a file: the old secret
// may still be needed.
func saveSecret(path string, create func() (string, error)) error {
	if path == "" {
		_, err := create()
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return hint(fmt.Errorf("%s exists already", path), "another path, or move the file away")
	}
	if err != nil {
		return err
	}
	secret, err := create()
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(path))
	}
	_, err = f.WriteString(secret + "\n")
	return errors.Join(err, f.Sync(), f.Close())
}
