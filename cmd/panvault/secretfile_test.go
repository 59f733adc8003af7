package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSecretFiles: the doctor warns of each secret's file that others can
// reach, and of no other.
func TestSecretFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := defaultConfig()
	paths := map[string]*string{
		"listen.tls.key_file":                &cfg.Listen.TLS.KeyFile,
		"kms.transit.token_file":             &cfg.KMS.Transit.TokenFile,
		"kms.transit.approle.role_id_file":   &cfg.KMS.Transit.AppRole.RoleIDFile,
		"kms.transit.approle.secret_id_file": &cfg.KMS.Transit.AppRole.SecretIDFile,
		"kms.transit.key_file":               &cfg.KMS.Transit.KeyFile,
	}
	for setting, path := range paths {
		*path = filepath.Join(dir, setting)
		saveFile(t, *path, "x")
	}
	cfg.KMS.Backend = "transit"
	if got := checkSecretFiles(cfg); len(got) != 0 {
		t.Errorf("files of their owner: %+v", got)
	}
	for setting, path := range paths {
		for _, mode := range []os.FileMode{0o640, 0o604} {
			if err := os.Chmod(*path, mode); err != nil {
				t.Fatal(err)
			}
			got := checkSecretFiles(cfg)
			if len(got) != 1 || got[0].Status != statusWarning || got[0].Note != setting+": "+*path+" can be read by others" || !strings.HasPrefix(got[0].Try, "chmod 600 "+*path) {
				t.Errorf("%s, mode %04o: %+v", setting, mode, got)
			}
		}
		if err := os.Chmod(*path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg.KMS.Backend = "local"
	if err := os.Chmod(cfg.KMS.Transit.TokenFile, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := checkSecretFiles(cfg); len(got) != 0 {
		t.Errorf("files that nothing reads: %+v", got)
	}
}

// TestDoctorWarnsOfSecretFiles asks the command.
func TestDoctorWarnsOfSecretFiles(t *testing.T) {
	t.Parallel()
	certFile, keyFile, _ := makeCertificate(t, t.TempDir())
	in := install(t, "listen.tls.cert_file", certFile, "listen.tls.key_file", keyFile)
	warning := "warning  secret files   listen.tls.key_file: " + keyFile + " can be read by others"
	if out, _ := command(t, 0, "doctor", "--config", in.config); strings.Contains(out, "secret files") {
		t.Errorf("a key of its owner:\n%s", out)
	}
	if err := os.Chmod(keyFile, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, _ := command(t, 0, "doctor", "--config", in.config); !strings.Contains(out, warning) {
		t.Errorf("want %q in\n%s", warning, out)
	}
}
