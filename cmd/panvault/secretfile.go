package main

import "os"

// checkSecretFiles finds files that let who reads them act as this vault, and
// that others than their owner can reach. Those of a secretRef are refused when
// they are read, and the keyring when it is opened.
func checkSecretFiles(cfg config) []finding {
	files := []struct{ setting, path string }{{"listen.tls.key_file", cfg.Listen.TLS.KeyFile}}
	if t := cfg.KMS.Transit; cfg.KMS.Backend == "transit" {
		files = append(files, []struct{ setting, path string }{
			{"kms.transit.token_file", t.TokenFile},
			{"kms.transit.approle.role_id_file", t.AppRole.RoleIDFile},
			{"kms.transit.approle.secret_id_file", t.AppRole.SecretIDFile},
			{"kms.transit.key_file", t.KeyFile},
		}...)
	}
	for _, d := range cfg.Destinations {
		files = append(files, struct{ setting, path string }{"destination " + d.Name + ": key_file", d.KeyFile})
	}
	var out []finding
	for _, f := range files {
		if f.path == "" {
			continue
		}
		info, err := os.Stat(f.path)
		if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o077 == 0 {
			continue // who reads it says what is wrong
		}
		out = append(out, finding{
			Check: "secret files", Status: statusWarning,
			Note: f.setting + ": " + f.path + " can be read by others",
			Try:  "chmod 600 " + f.path + ", and chown it to the user of the service",
		})
	}
	return out
}
