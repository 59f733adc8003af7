package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/panvault/panvault/vault"
)

// importFiles are the reference map and the reject file of an import. What they
// hold beyond the sizes of the last mark was written by a run that was killed
// before it committed, and is cut off.
type importFiles struct {
	mapPath, rejectPath string
	maps, rejects       *os.File
	mapSize, rejectSize int64
}

var (
	mapHeader    = []string{"reference", "customer_reference", "customer", "card", "brand", "last_digits"}
	rejectHeader = []string{"line", "reason"}
)

// openImportFiles opens the files of an import: new ones if it is new, else
// those of its earlier runs. Nothing is cut off before the files are locked,
// are known to be this import's, and no other process has gone on with it since
// its mark was read.
func openImportFiles(ctx context.Context, mapPath, rejectPath string, importer *vault.Importer) (_ *importFiles, err error) {
	mark := importer.Mark()
	f := &importFiles{mapPath: mapPath, rejectPath: rejectPath, mapSize: mark.MapSize, rejectSize: mark.RejectSize}
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	rejected := mark.Records - mark.Cards
	if f.maps, err = openImportFile(mapPath, mapHeader, mark.MapSize, mark.Cards, importer.Resumed); err != nil {
		return nil, err
	}
	if f.rejects, err = openImportFile(rejectPath, rejectHeader, mark.RejectSize, rejected, importer.Resumed); err != nil {
		return nil, err
	}
	if mark.MapSize == 0 {
		if mark.MapSize, mark.RejectSize, err = f.write([][]string{mapHeader}, [][]string{rejectHeader}); err != nil {
			return nil, err
		}
		if err := errors.Join(syncFolder(filepath.Dir(mapPath)), syncFolder(filepath.Dir(rejectPath))); err != nil {
			return nil, err
		}
	}
	if err := importer.Commit(ctx, nil, mark, importer.Prefix()); err != nil {
		if vault.CodeOf(err) == vault.Conflict {
			return nil, hint(plain(err), "the same command again, when the other has ended")
		}
		return nil, err
	}
	if err := errors.Join(f.maps.Truncate(mark.MapSize), f.rejects.Truncate(mark.RejectSize)); err != nil {
		return nil, err
	}
	return f, nil
}

// openImportFile opens a file of which the first valid bytes, with so many lines
// below the header, are of earlier runs, and locks it.
func openImportFile(path string, header []string, valid, lines int64, resumed bool) (_ *os.File, err error) {
	flags := os.O_RDWR | os.O_CREATE
	if !resumed {
		flags |= os.O_EXCL // it may be somebody's
	}
	file, err := os.OpenFile(path, flags, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, existing(path)
	}
	if err != nil {
		return nil, hint(err, "--map and --rejects in a folder that can be written")
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	if err := lockFile(file); err != nil {
		return nil, hint(fmt.Errorf("%s: %w", path, err), "wait for the other import of this file")
	}
	first := csvText([][]string{header})
	if valid == 0 {
		head, err := io.ReadAll(io.LimitReader(file, int64(len(first))+1))
		if err == nil && !bytes.HasPrefix(first, head) {
			err = existing(path)
		}
		return file, err
	}
	return file, isOurs(file, path, first, valid, lines)
}

func existing(path string) error {
	return hint(fmt.Errorf("%s exists", path), "remove it, or name other files with --map and --rejects")
}

// isOurs refuses a file that this import cannot have written: it would be cut
// off and written over.
func isOurs(file io.Reader, path string, header []byte, valid, lines int64) error {
	const next = "the files of the earlier runs in --map and --rejects"
	buf := make([]byte, 64<<10)
	size, count, last := int64(0), int64(-1), byte(0) // the header is none of the lines
	for rest := io.LimitReader(file, valid); ; {
		n, err := rest.Read(buf)
		if n > 0 {
			if size == 0 && !bytes.HasPrefix(buf[:n], header) {
				break
			}
			size, last = size+int64(n), buf[n-1]
			count += int64(bytes.Count(buf[:n], []byte("\n")))
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	switch {
	case size == valid && count == lines && last == '\n':
		return nil
	case size < valid && size > 0:
		return hint(fmt.Errorf("%s is shorter than the import that it belongs to left it", path), next)
	}
	return hint(fmt.Errorf("%s is not the file that this import has begun", path), next)
}

// write appends lines and returns the sizes, once they are durable.
func (f *importFiles) write(maps, rejects [][]string) (mapSize, rejectSize int64, err error) {
	for _, x := range []struct {
		file  *os.File
		size  *int64
		lines [][]string
	}{{f.maps, &f.mapSize, maps}, {f.rejects, &f.rejectSize, rejects}} {
		if len(x.lines) == 0 {
			continue
		}
		text := csvText(x.lines)
		if _, err := x.file.WriteAt(text, *x.size); err != nil {
			return 0, 0, err
		}
		if err := x.file.Sync(); err != nil {
			return 0, 0, err
		}
		*x.size += int64(len(text))
	}
	return f.mapSize, f.rejectSize, nil
}

func csvText(lines [][]string) []byte {
	var text bytes.Buffer
	_ = csv.NewWriter(&text).WriteAll(lines) // a bytes.Buffer does not fail
	return text.Bytes()
}

func (f *importFiles) close() {
	for _, file := range []*os.File{f.maps, f.rejects} {
		if file != nil {
			_ = file.Close() // written and synced already
		}
	}
}
