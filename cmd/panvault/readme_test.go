package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocumentedCommands parses every panvault command line that the documents
// show: a command or flag that does not exist fails.
func TestDocumentedCommands(t *testing.T) {
	root := moduleRoot(t)
	files := []string{filepath.Join(root, "README.md"), filepath.Join(root, "SECURITY.md")}
	for _, pattern := range []string{"deploy/*.md", "deploy/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	line := regexp.MustCompile("(?m)(?:^\\s*\\$?\\s*|`|sudo |run )(?:go run \\./cmd/panvault|(?:\\./)?panvault)((?: +[^\\s`|;#<>]+)+)")
	commands := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range line.FindAllStringSubmatch(strings.ReplaceAll(string(text), "\\\n", " "), -1) {
			args := strings.Fields(m[1])
			if !isCommand(args[0]) {
				continue // a sentence that happens to begin with the name
			}
			commands++
			if err := parses(args); err != nil {
				t.Errorf("%s shows %q: %v", filepath.Base(file), "panvault"+m[1], err)
			}
		}
	}
	if commands < 5 {
		t.Errorf("found %d commands in %d documents; the search is broken", commands, len(files))
	}
}

func isCommand(word string) bool { return regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(word) }

// parses finds the command and parses its flags, without running it.
func parses(args []string) error {
	c := &cli{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard}
	cmd, rest, err := c.root().Find(args)
	if err != nil {
		return err
	}
	return cmd.ParseFlags(rest)
}
