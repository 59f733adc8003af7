package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"

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

// openImportFiles opens the files of an import: new ones if it is new, else
// those of its earlier runs.
func openImportFiles(mapPath, rejectPath string, importer *vault.Importer) (_ *importFiles, err error) {
	mark := importer.Mark()
	f := &importFiles{mapPath: mapPath, rejectPath: rejectPath, mapSize: mark.MapSize, rejectSize: mark.RejectSize}
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	if f.maps, err = openImportFile(mapPath, mark.MapSize, importer.Resumed); err != nil {
		return nil, err
	}
	if err := lockFile(f.maps); err != nil {
		return nil, hint(fmt.Errorf("%s: %w", mapPath, err), "wait for the other import of this file")
	}
	if f.rejects, err = openImportFile(rejectPath, mark.RejectSize, importer.Resumed); err != nil {
		return nil, err
	}
	if err := errors.Join(f.maps.Truncate(mark.MapSize), f.rejects.Truncate(mark.RejectSize)); err != nil {
		return nil, err
	}
	if mark.MapSize == 0 {
		_, _, err = f.write([][]string{{"reference", "customer_reference", "customer", "card", "brand", "last_digits"}}, [][]string{{"line", "reason"}})
	}
	return f, err
}

func openImportFile(path string, valid int64, resumed bool) (*os.File, error) {
	flags := os.O_WRONLY | os.O_CREATE
	if !resumed {
		flags |= os.O_EXCL // it may be somebody's
	}
	file, err := os.OpenFile(path, flags, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, hint(fmt.Errorf("%s exists", path), "remove it, or name other files with --map and --rejects")
	}
	if err != nil {
		return nil, hint(err, "--map and --rejects in a folder that can be written")
	}
	info, err := file.Stat()
	if err == nil && info.Size() < valid {
		err = hint(fmt.Errorf("%s is shorter than the import that it belongs to left it", path), "the files of the earlier runs in --map and --rejects")
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
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
		var text bytes.Buffer
		w := csv.NewWriter(&text)
		if err := w.WriteAll(x.lines); err != nil {
			return 0, 0, err
		}
		if _, err := x.file.WriteAt(text.Bytes(), *x.size); err != nil {
			return 0, 0, err
		}
		if err := x.file.Sync(); err != nil {
			return 0, 0, err
		}
		*x.size += int64(text.Len())
	}
	return f.mapSize, f.rejectSize, nil
}

func (f *importFiles) close() {
	for _, file := range []*os.File{f.maps, f.rejects} {
		if file != nil {
			_ = file.Close() // written and synced already
		}
	}
}
