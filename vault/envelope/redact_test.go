package envelope

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
)

// holder holds a value in the ways in which fmt calls none of its methods.
type holder struct {
	v    any
	list []any
	dict map[string]any
}

type exportedHolder struct{ V, Next any }

type carrier struct{ v any }

func (c carrier) Error() string { return fmt.Sprintf("cannot use %+v %d %x", c.v, c.v, c.v) }

// holders are values that hold v in every way a program may.
func holders(v any) map[string]any {
	return map[string]any{
		"itself": v, "in any": exportedHolder{V: v, Next: exportedHolder{V: v}}, "unexported": holder{v: v},
		"nested": holder{v: holder{v: v, list: []any{v}, dict: map[string]any{"k": v}}}, "pointer": &v,
		"list": []any{v}, "dict": map[string]any{"k": v}, "error": carrier{v}, "wrapped": fmt.Errorf("x: %w", carrier{v}),
		"joined": errors.Join(carrier{v}, carrier{v}),
	}
}

// needles are the forms in which a key could show, by runs of six bytes, which
// do not occur in an address by chance. The runs start at 0, 8, 16 and 24, so
// that base64 finds one of them whatever stands before the key.
func needles(key []byte) []string {
	var out []string
	for i := 0; i+6 <= len(key); i += 8 {
		part := key[i : i+6]
		goList := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", part), "[]byte{"), "}")
		list := strings.Trim(fmt.Sprint(part), "[]")
		out = append(out, string(part), strconv.Quote(string(part)), hex.EncodeToString(part),
			strings.ToUpper(hex.EncodeToString(part)), fmt.Sprintf("% x", part), fmt.Sprintf("% X", part),
			list, goList, strings.ReplaceAll(list, " ", ","), strings.Trim(fmt.Sprintf("%o", part), "[]"),
			strings.Trim(fmt.Sprintf("%b", part), "[]"), base64.StdEncoding.EncodeToString(part),
			base64.RawURLEncoding.EncodeToString(part))
	}
	return out
}

// readerFunc is a reader whose bytes no printing can reach.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func secretHolders(t *testing.T) (values map[string]any, forbidden []string) {
	t.Helper()
	k := backend(t)
	plain := make([]byte, KeySize*len(RequiredKeys()))
	for i := range plain {
		plain[i] = byte(i*i*31+i*7) | 0x80 // no printable text
	}
	ring := load(t, k, workingKeys(t, k, plain, 1))
	random := readerFunc(func(b []byte) (int, error) { return copy(b, plain[:KeySize]), nil })
	p := openPool(t, PoolOptions{KMS: k, Size: 4, Random: random})
	key := mustTake(t, p)
	if !bytes.Equal(key.Key(), plain[:KeySize]) {
		t.Fatal("the pool did not draw the key this test looks for")
	}
	short := ephemeral(t, random)
	p.stop() // a refill would change the pool while it is printed by reflection
	<-p.done
	forbidden = needles(plain[:KeySize])
	for _, name := range RequiredKeys()[1:] {
		_, secret, err := ring.Active(name.Purpose, name.Mode)
		if err != nil {
			t.Fatal(err)
		}
		forbidden = append(forbidden, needles(secret)...)
	}
	return map[string]any{"Keyring": ring, "DataKey": key, "DataKey value": *key, "Pool": p, "EphemeralKey": short}, forbidden
}

func absent(t *testing.T, how, out string, forbidden []string) {
	t.Helper()
	for _, n := range forbidden {
		if at := strings.Index(out, n); at >= 0 {
			t.Fatalf("%s prints key bytes: %s", how, out[max(0, at-200):at+len(n)])
		}
	}
}

func TestNothingPrintsKeys(t *testing.T) {
	values, forbidden := secretHolders(t)
	for name, v := range values {
		for way, v := range holders(v) {
			var out strings.Builder
			for _, flag := range []string{"", "+", "#", "# ", "40.3"} {
				for verb := 'A'; verb <= 'z'; verb++ {
					fmt.Fprintf(&out, "%"+flag+string(verb)+"\n", v)
				}
			}
			fmt.Fprintln(&out, v, fmt.Errorf("x: %v", v))
			absent(t, name+" "+way, out.String(), forbidden)
		}
	}
}

func TestNothingEncodesKeys(t *testing.T) {
	values, forbidden := secretHolders(t)
	for name, v := range values {
		for way, v := range holders(v) {
			b, _ := json.Marshal(v)
			absent(t, name+" "+way+" as JSON", string(b), forbidden)
			var out bytes.Buffer
			for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
				log := slog.New(h).With("with", v)
				log.Info("m", "v", v, slog.Group("g", "v", v), "list", []any{v})
				log.Error("m", "err", fmt.Errorf("x: %v", v))
			}
			absent(t, name+" "+way+" in a log", out.String(), forbidden)
		}
	}
}

// The search must find a key that is printed.
func TestNeedles(t *testing.T) {
	key := pattern(KeySize, 0x81)
	forbidden := needles(key)
	for _, format := range []string{"%s", "%q", "%x", "%X", "% x", "%v", "%#v", "%d", "%o", "%b"} {
		found := false
		out := fmt.Sprintf(format, key)
		for _, n := range forbidden {
			found = found || strings.Contains(out, n)
		}
		if !found {
			t.Errorf("%s prints a key unnoticed: %s", format, out)
		}
	}
	for _, v := range []any{key, map[string]any{"k": [KeySize]byte(key)}} {
		b, err := json.Marshal(v)
		found := false
		for _, n := range forbidden {
			found = found || strings.Contains(string(b), n)
		}
		if err != nil || !found {
			t.Errorf("JSON holds a key unnoticed: %s, %v", b, err)
		}
	}
}
