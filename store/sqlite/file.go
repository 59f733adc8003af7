package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// locate returns the absolute path of the database with symbolic links
// resolved, and whether the file exists. With create it makes the folder.
func locate(path string, create bool) (string, bool, error) {
	if path == "" || strings.HasPrefix(path, ":memory:") || strings.HasPrefix(path, "file:") {
		return "", false, errors.New("sqlite: the database must be a path to a file; memory and URIs are not supported")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", false, fmt.Errorf("sqlite: %w", err)
	}
	if create {
		if err := makeFolder(filepath.Dir(path)); err != nil {
			return "", false, err
		}
	}
	if _, err := os.Lstat(path); err == nil { // a dangling link fails here, and is not followed
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			return "", false, fmt.Errorf("sqlite: %w", err)
		}
		return real, true, nil
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return path, false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("sqlite: %w", err)
	}
	return filepath.Join(folder, filepath.Base(path)), false, nil
}

// makeFolder creates a folder that only its owner can enter, whatever the
// umask. One that exists is left as it is.
func makeFolder(path string) error {
	_, err := os.Stat(path)
	if err == nil {
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sqlite: %w", err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	if err := os.Chmod(path, 0o700); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	return nil
}

// createFile makes an empty database file of mode 0600, whatever the umask;
// SQLite gives the same mode to the log and the index beside it. The file
// appears under its name by a link, because closing a descriptor of a database
// that SQLite has open already would drop the locks of this process.
func createFile(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	defer os.Remove(f.Name())
	if err := errors.Join(f.Chmod(0o600), f.Close()); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("sqlite: %w", err)
	}
	return nil
}

// checkModes refuses a database that others than its owner may read or write,
// with the files that SQLite keeps beside it.
func checkModes(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		info, err := os.Stat(path + suffix)
		if suffix != "" && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("sqlite: %w", err)
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("sqlite: %s is not a regular file", path+suffix)
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			return fmt.Errorf("sqlite: %s has mode %04o and can be reached by others than its owner: run 'chmod 600 %s'",
				path+suffix, mode, path+suffix)
		}
	}
	return nil
}
