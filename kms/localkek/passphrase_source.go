package localkek

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// PassphraseFromFile reads a passphrase from a file that nobody but its owner
// may read, less one line break at its end. Errors: ErrMode,
// ErrWeakPassphrase, else the system's own.
func PassphraseFromFile(path string) (Passphrase, error) {
	b, _, err := readPrivate(path, MaxPassphrase+2) // and a line break
	if err != nil {
		return Passphrase{}, fmt.Errorf("passphrase file: %w", err)
	}
	defer clear(b)
	line, broken := bytes.CutSuffix(b, []byte("\n"))
	if broken {
		line = bytes.TrimSuffix(line, []byte("\r"))
	}
	return NewPassphrase(line)
}

// PassphraseFromEnv takes a passphrase from an environment variable and unsets
// it, so that no child process and no later dump of the environment has it. The
// copy that the system keeps of the environment at start-up is out of reach: a
// file is the better source. Errors: ErrWeakPassphrase, or that it is not set.
func PassphraseFromEnv(name string) (Passphrase, error) {
	v, ok := os.LookupEnv(name)
	if !ok {
		return Passphrase{}, fmt.Errorf("localkek: environment variable %s is not set", name)
	}
	if err := os.Unsetenv(name); err != nil {
		return Passphrase{}, fmt.Errorf("localkek: unset %s: %w", name, err)
	}
	p, err := NewPassphrase([]byte(v))
	if err != nil {
		return Passphrase{}, fmt.Errorf("environment variable %s: %w", name, err)
	}
	return p, nil
}

// PassphraseFromPrompt asks on out and reads from the terminal in, without
// echo; with confirm it asks twice. Errors: ErrWeakPassphrase, that the two
// differ, or that in is no terminal.
func PassphraseFromPrompt(in *os.File, out io.Writer, confirm bool) (Passphrase, error) {
	if !term.IsTerminal(int(in.Fd())) {
		return Passphrase{}, errors.New("localkek: no terminal to ask for the passphrase; give a file or an environment variable")
	}
	first, err := ask(in, out, "Keyring passphrase: ")
	if err != nil {
		return Passphrase{}, err
	}
	defer clear(first)
	if confirm {
		second, err := ask(in, out, "Once more: ")
		if err != nil {
			return Passphrase{}, err
		}
		defer clear(second)
		if !bytes.Equal(first, second) {
			return Passphrase{}, errors.New("localkek: the two passphrases differ")
		}
	}
	return NewPassphrase(first)
}

func ask(in *os.File, out io.Writer, text string) ([]byte, error) {
	if _, err := io.WriteString(out, text); err != nil {
		return nil, fmt.Errorf("localkek: prompt: %w", err)
	}
	b, err := term.ReadPassword(int(in.Fd()))
	if err != nil {
		return nil, fmt.Errorf("localkek: read passphrase: %w", err)
	}
	_, err = io.WriteString(out, "\n") // the user's own was not echoed
	return b, err
}
