package localkek

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const maxFile = headerSize + maxBody + tagSize

// Suffixes of the files beside a keyring.
const (
	lockSuffix = ".lock" // empty; writers hold a lock on it
	tempSuffix = ".tmp"  // the next keyring, until it takes the place of the old
)

// errOddFile: what is there is no plain file of a plausible size.
var errOddFile = errors.New("localkek: no regular file of the expected size")

// readPrivate reads a file of at most limit bytes that nobody but its owner may
// read or write. It makes one copy of the content and no more. Errors: ErrMode,
// errOddFile, else the system's own.
func readPrivate(path string, limit int64) ([]byte, os.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, nil, fmt.Errorf("%w: %s, at most %d bytes", errOddFile, path, limit)
	}
	if !private(info) {
		return nil, nil, fmt.Errorf("%w: %s has mode %04o; run: chmod 600 %s", ErrMode, path, info.Mode().Perm(), path)
	}
	b := make([]byte, info.Size()+1)
	n, err := io.ReadFull(f, b)
	if int64(n) != info.Size() || (err != io.ErrUnexpectedEOF && err != io.EOF) {
		clear(b)
		return nil, nil, fmt.Errorf("%w: %s changed while it was read", errOddFile, path)
	}
	return b[:n], info, nil
}

// readAttempts bounds how often a reader starts again because the file was
// replaced under it.
const readAttempts = 8

// readKeyring reads a keyring file and its header. Errors: ErrMode, ErrKeyring,
// else the system's own.
//
// A trim overwrites the file that it has replaced. What was read counts only if
// it still has its name afterwards: then nobody had begun to overwrite it.
func readKeyring(path string) ([]byte, header, os.FileInfo, error) {
	for attempt := 1; ; attempt++ {
		file, info, err := readPrivate(path, maxFile)
		if errors.Is(err, errOddFile) {
			err = fmt.Errorf("%w: %w", ErrKeyring, err)
		}
		if err != nil {
			return nil, header{}, nil, err
		}
		now, err := os.Stat(path)
		if err != nil {
			return nil, header{}, nil, err
		}
		if !sameFile(info, now) && attempt < readAttempts {
			continue
		}
		h, err := parseHeader(file)
		if err != nil {
			return nil, header{}, nil, fmt.Errorf("%s: %w", path, err)
		}
		return file, h, info, nil
	}
}

// replaceFile puts data in the place of path so that a crash leaves either the
// old file or the new one, whole. The caller holds the file's lock.
func replaceFile(path string, data []byte) (os.FileInfo, error) {
	temp := path + tempSuffix
	// A leftover of a writer that died: under the lock nobody else writes it.
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	info, err := writeNew(temp, data)
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(temp)
		return nil, err
	}
	return info, syncDir(filepath.Dir(path))
}

// overwrite writes zeros over every byte of f and brings them to the disk. The
// file keeps its size.
func overwrite(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(make([]byte, info.Size()), 0); err != nil {
		return err
	}
	return f.Sync()
}

// writeNew creates path, which must not exist, and brings data to the disk.
func writeNew(path string, data []byte) (os.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	info, statErr := f.Stat()
	return info, errors.Join(err, statErr, f.Close())
}

// sameFile reports whether two looks at a path saw the same bytes. A writer
// always renames a new file into place, so a change shows in the inode, and if
// that was reused, in the time or the size.
func sameFile(a, b os.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// realPath resolves links, so that all processes lock and replace one file
// whatever name they know it by. The file itself need not exist.
func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real, nil
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, filepath.Base(abs)), nil
}
