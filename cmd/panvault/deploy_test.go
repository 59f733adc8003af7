package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/panvault/panvault/kms/transit"
)

func deployed(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(moduleRoot(t), "deploy", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestExampleConfiguration: the example is valid, shows the defaults, and has
// every setting there is.
func TestExampleConfiguration(t *testing.T) {
	t.Parallel()
	text := deployed(t, "panvault.example.yaml")
	got, err := parseConfig(strings.NewReader(text), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	want := defaultConfig()
	want.KMS.Transit.Mount, want.KMS.Transit.Prefix = transit.DefaultMount, transit.DefaultPrefix
	want.KMS.Transit.AppRole.Mount = transit.DefaultAppRoleMount
	if diff := cmp.Diff(marshal(t, want), marshal(t, got)); diff != "" {
		t.Errorf("the example differs from the defaults (-default +example):\n%s", diff)
	}

	// References to secrets have no default, so they are commented out.
	whole := regexp.MustCompile(`(?m)^( *)# ((?:operator_key|passphrase): )`).ReplaceAllString(text, "$1$2")
	if _, err := parseConfig(strings.NewReader(whole), noEnv); err != nil {
		t.Error(err)
	}
	var tree map[string]any
	if err := yaml.Unmarshal([]byte(whole), &tree); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(settingsOf(reflect.TypeFor[config](), ""), keysOf(tree, "")); diff != "" {
		t.Errorf("settings (-there are +in the example):\n%s", diff)
	}
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	text, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// settingsOf lists the dotted paths of a configuration struct.
func settingsOf(typ reflect.Type, prefix string) (paths []string) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		switch name := yamlName(f); {
		case name == "":
		case f.Type.Kind() == reflect.Struct:
			paths = append(paths, settingsOf(f.Type, prefix+name+".")...)
		default:
			paths = append(paths, prefix+name)
		}
	}
	slices.Sort(paths)
	return paths
}

func keysOf(tree map[string]any, prefix string) (paths []string) {
	for name, v := range tree {
		if below, ok := v.(map[string]any); ok {
			paths = append(paths, keysOf(below, prefix+name+".")...)
		} else {
			paths = append(paths, prefix+name)
		}
	}
	slices.Sort(paths)
	return paths
}

// TestPoliciesGrantWhatIsCalled: no policy gives a right that no code uses.
func TestPoliciesGrantWhatIsCalled(t *testing.T) {
	t.Parallel()
	used := regexp.MustCompile(`^(transit/(encrypt|decrypt|keys)/panvault-(card-live|card-test|work)|auth/token/(lookup|renew|revoke)-self)$`)
	stanza := regexp.MustCompile(`(?s)path "([^"]+)" \{.*?capabilities\s*= \["(\w+)"\]`)
	for _, name := range []string{"exchange", "init", "intake"} {
		found := stanza.FindAllStringSubmatch(deployed(t, "vault/policies/"+name+".hcl"), -1)
		if len(found) < 10 {
			t.Errorf("%s: found %d stanzas; the search is broken", name, len(found))
		}
		for _, m := range found {
			if m[2] != "deny" && !used.MatchString(m[1]) {
				t.Errorf("%s grants %s on %s, which nothing calls", name, m[2], m[1])
			}
		}
	}
}

// TestSystemdUnit: the unit is well-formed and has what the hardening needs.
func TestSystemdUnit(t *testing.T) {
	t.Parallel()
	text := deployed(t, "systemd/panvault.service")
	got := make(map[string][]string)
	section := ""
	for i, line := range strings.Split(text, "\n") {
		name, value, ok := strings.Cut(line, "=")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			section = strings.Trim(line, "[]")
		case !ok || section == "" || !regexp.MustCompile(`^[A-Z][A-Za-z]+$`).MatchString(name):
			t.Errorf("line %d is no setting: %s", i+1, line)
		default:
			got[section+"."+name] = append(got[section+"."+name], value)
		}
	}
	for name, want := range map[string]string{
		"Service.ExecStart":     "/usr/local/bin/panvault serve --config /etc/panvault/panvault.yaml",
		"Service.User":          "panvault",
		"Service.LimitCORE":     "0",
		"Service.LimitMEMLOCK":  "64M",
		"Service.MemorySwapMax": "0",
		"Service.ProtectSystem": "strict", "Service.ProtectHome": "yes", "Service.NoNewPrivileges": "yes",
		"Service.StateDirectory": "panvault", "Service.StateDirectoryMode": "0700", "Service.UMask": "0077",
		"Service.CapabilityBoundingSet": "", "Service.MemoryDenyWriteExecute": "yes",
		"Install.WantedBy": "multi-user.target",
	} {
		if v := got[name]; len(v) != 1 || v[0] != want {
			t.Errorf("%s is %q, want %q", name, v, want)
		}
	}
	if analyze, err := exec.LookPath("systemd-analyze"); err == nil {
		unit := filepath.Join(t.TempDir(), "panvault.service")
		saveFile(t, unit, strings.Replace(text, "ExecStart=/usr/local/bin/panvault", "ExecStart=/bin/true", 1))
		if out, err := exec.Command(analyze, "verify", unit).CombinedOutput(); err != nil || strings.Contains(string(out), "ignoring") {
			t.Errorf("systemd-analyze verify: %v\n%s", err, out)
		}
	}
}
