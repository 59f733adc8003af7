package cardfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/panvault/panvault/vault/cardfile"
)

const visa = "4242424242424242"

// told is a record as text, for tests alone.
type told struct {
	line, end       int64
	raw, says, flaw string
}

func tell(rec *cardfile.Record) told {
	out := told{line: rec.Line, end: rec.End, raw: string(rec.Raw)}
	if rec.Problem != nil {
		out.flaw = rec.Problem.Error()
	}
	var says []string
	add := func(name string, b []byte) {
		if len(b) > 0 {
			says = append(says, name+"="+string(b))
		}
	}
	in := rec.Card
	add("ref", rec.Reference)
	add("cust", rec.Customer)
	add("email", rec.Email)
	add("desc", rec.Description)
	add("num", in.Number)
	add("m", in.ExpirationMonth)
	add("y", in.ExpirationYear)
	add("name", in.Name)
	add("s1", in.Street1)
	add("s2", in.Street2)
	add("city", in.City)
	add("state", in.State)
	add("zip", in.PostalCode)
	add("country", in.Country)
	add("phone", in.PhoneNumber)
	add("CODE", in.SecurityCode)
	add("CARDEMAIL", in.Email)
	out.says = strings.Join(says, "|")
	return out
}

// readAll reads a file to its end.
func readAll(r *cardfile.Reader) ([]told, error) {
	var out []told
	for {
		rec, err := r.Next()
		if err != nil {
			return out, err
		}
		out = append(out, tell(rec))
	}
}

// says are the records of a file without their positions; a problem is "!…".
func says(t *testing.T, f cardfile.Format, text string) []string {
	t.Helper()
	records, err := readAll(cardfile.NewReader(strings.NewReader(text), f))
	if !errors.Is(err, io.EOF) {
		t.Errorf("%.80q: %v", text, err)
	}
	out := []string{}
	for _, rec := range records {
		if rec.flaw != "" {
			rec.says += "!" + rec.flaw
		}
		out = append(out, rec.says)
	}
	return out
}

func TestDetect(t *testing.T) {
	for head, want := range map[string]cardfile.Format{
		"": cardfile.CSV, "number,exp": cardfile.CSV, "{": cardfile.JSONLines, " \r\n\t{\"a\"": cardfile.JSONLines,
		"\ufeff{": cardfile.JSONLines, "\ufeffnumber": cardfile.CSV, "[{": cardfile.CSV,
	} {
		if got := cardfile.Detect([]byte(head)); got != want {
			t.Errorf("%q: got %s, want %s", head, got, want)
		}
	}
}

func TestCSV(t *testing.T) {
	const h, v, want = "number,month,year,name\n", visa + ",1,2030,Jane\n", "num=" + visa + "|m=1|y=2030|name=Jane"
	const quote, open, count = "!quotes of the record do not match", "!a quote is not closed", "!record has another number of fields than the header"
	tests := []struct {
		name, text string
		want       []string
	}{
		{"plain", h + v, []string{want}},
		{"no records", h, []string{}},
		{"header without end", "number,exp", []string{}},
		{"last line without end", h + v + strings.TrimSuffix(v, "\n"), []string{want, want}},
		{"CRLF", strings.ReplaceAll(h+v+v, "\n", "\r\n"), []string{want, want}},
		{"CR at the end of the file", h + strings.TrimSuffix(v, "\n") + "\r", []string{want}},
		{"byte order mark", "\ufeff" + h + v, []string{want}},
		{"empty lines", h + "\n\r\n" + v + "\n\n" + v + "\n", []string{want, want}},
		{"empty cells", h + ",,,\n", []string{""}},
		{"semicolons", strings.ReplaceAll(h+v, ",", ";"), []string{want}},
		{"tabs", strings.ReplaceAll(h+v, ",", "\t"), []string{want}},
		{"semicolon is text among commas", h + visa + ",1,2030,a;b\tc\n", []string{"num=" + visa + "|m=1|y=2030|name=a;b\tc"}},
		{"names of columns", " Card-Number ,\"EXP month\",Expiry_Year,CardHolder Name\n" + v, []string{want}},
		{"quoted", h + `"` + visa + `","1","2030","Jane"` + "\n" + v, []string{want, want}},
		{"quoted, CRLF", strings.ReplaceAll(h+`"`+visa+`","1","2030","Jane"`+"\n"+v, "\n", "\r\n"), []string{want, want}},
		{"quoted, end of file", h + `"` + visa + `","1","2030","Jane"`, []string{want}},
		{"quoted, CR at the end of the file", h + `"` + visa + `","1","2030","Jane"` + "\r", []string{want}},
		{"doubled quotes", h + visa + `,1,2030,"a ""b"", """""` + "\n", []string{"num=" + visa + `|m=1|y=2030|name=a "b", ""`}},
		{"empty quotes", h + visa + `,1,2030,""` + "\n", []string{"num=" + visa + "|m=1|y=2030"}},
		{"lines in a cell", h + visa + ",1,2030,\"a\r\nb\n\nc\"\n" + v, []string{"num=" + visa + "|m=1|y=2030|name=a\r\nb\n\nc", want}},
		{"too few", h + "1,2,3\n" + v, []string{count, want}},
		{"too many", h + "1,2,3,4,5\n" + v, []string{count, want}},
		{"too few on two lines", h + "1,2,\"a\nb\"\n" + v, []string{count, want}},
		{"quote within", h + "1,2,3,Ja\"ne\n" + v, []string{quote, want}},
		{"space before a quote", h + `1,2,3, "Jane"` + "\n" + v, []string{quote, want}},
		{"text after a quote", h + `1,2,3,"Jane" x` + "\n" + v, []string{quote, want}},
		{"CR after a quote", h + "1,2,3,\"Jane\"\rx\n" + v, []string{quote, want}},
		{"forgotten quote, seen at the next", h + `1,2,3,"Jane` + "\n" + visa + `,1,2030,"Jane"` + "\n" + v, []string{quote, want, want}},
		{"forgotten quote, seen at the end", h + `1,2,3,"Jane` + "\n" + v + v, []string{open, want, want}},
		{"forgotten quote, seen after 64 KiB", h + `1,2,3,"Jane` + "\n" + strings.Repeat(v, 5000), append([]string{open}, repeated(want, 5000)...)},
		{"not UTF-8", h + "1,2,3,\xff\n" + v, []string{"!record is not valid utf-8", want}},
		{"expiration", "number,exp\n1,01/30\n", []string{"num=1|m=01|y=30"}},
		{"expiration and month", "number,exp,month\n1,01/30,7\n", []string{"num=1|m=01|y=30"}},
		{"expiration is not used", "number,exp,month,year\n1,x,7,2031\n", []string{"num=1|m=7|y=2031"}},
		{"everything", "id,customer_id,email,description,pan,expiry_month,expiry_year,holder,address1,street2,city,state,zip,country,phone,brand\n" +
			"r,c,e@x,d," + visa + ",1,30,n,s1,s2,ct,st,10110,th,+66,Visa\n",
			[]string{"ref=r|cust=c|email=e@x|desc=d|num=" + visa + "|m=1|y=30|name=n|s1=s1|s2=s2|city=ct|state=st|zip=10110|country=th|phone=+66"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := says(t, cardfile.CSV, tt.text); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %.600q\nwant %.600q", got, tt.want)
			}
		})
	}
}

func repeated(s string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = s
	}
	return out
}

func TestExpiration(t *testing.T) {
	const no = "!expiration is not written like MM/YY, MM/YYYY, MMYY or YYYY-MM"
	for text, want := range map[string]string{
		"01/30": "m=01|y=30", "1/30": "m=1|y=30", "12/2030": "m=12|y=2030", "12-2030": "m=12|y=2030", "1230": "m=12|y=30",
		"2030-12": "m=12|y=2030", "2030/1": "m=1|y=2030", " 01 / 30 ": "m=01|y=30", "13/30": "m=13|y=30", "": "", "  ": "",
		"123": no, "12030": no, "122030": no, "12/030": no, "012/30": no, "a1/30": no, "12/3a": no, "/": no, "/30": no, "12/": no,
		"2030-12-01": no, "2030-": no, "2030-2031": no, "１２/30": no, "12.30": no,
	} {
		got := says(t, cardfile.CSV, "number,expiration_date\n,"+text+"\n")
		if len(got) != 1 || got[0] != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestHeaderErrors(t *testing.T) {
	tests := []struct {
		text string
		want error
		says string
	}{
		{"", cardfile.ErrHeader, "the file is empty"},
		{"\n", cardfile.ErrHeader, "number is missing"},
		{"exp,name\n", cardfile.ErrHeader, "number is missing"},
		{"number,name\n", cardfile.ErrHeader, "expiration_month and expiration_year are missing"},
		{"number,month\n", cardfile.ErrHeader, "expiration_year is missing"},
		{"number,year\n", cardfile.ErrHeader, "expiration_month is missing"},
		{"number,exp,pan\n", cardfile.ErrHeader, "number is given twice"},
		{"number,exp,name,Name\n", cardfile.ErrHeader, "name is given twice"},
		{"number,exp,\"a\"b\n", cardfile.ErrHeader, "quotes do not match"},
		{"number,exp,\"a\n", cardfile.ErrHeader, "quotes do not match"},
		{"number,exp,\xff\n", cardfile.ErrHeader, "not UTF-8"},
		{visa + ",1230,Jane\n", cardfile.ErrHeader, "holds a card number"},
		{"number,exp," + strings.Repeat("x", 64<<10) + "\n", cardfile.ErrHeader, "longer than 64 KiB"},
		{"number,exp,CVC\n", cardfile.ErrSensitive, "column cvc: PCI DSS 3.3.1 forbids"},
		{"number,exp,\" Security Code \"\n", cardfile.ErrSensitive, "remove the column"},
	}
	for _, column := range []string{"security_code", "cvc", "cvv", "cvv2", "cvc2", "cid", "csc", "card_code", "track", "track1", "track2", "pin", "Card-Code"} {
		tests = append(tests, struct {
			text string
			want error
			says string
		}{column + ";number;exp\n1;2;3", cardfile.ErrSensitive, "3.3.1"})
	}
	for _, tt := range tests {
		r := cardfile.NewReader(strings.NewReader(tt.text), cardfile.CSV)
		header, err := r.Header()
		if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) || len(header) > 0 {
			t.Errorf("%.60q: %q, %v; want %v with %q", tt.text, header, err, tt.want, tt.says)
		}
		if _, again := r.Next(); !errors.Is(again, tt.want) {
			t.Errorf("%.60q: Next then says %v", tt.text, again)
		}
	}
}

func TestJSONLines(t *testing.T) {
	const malformed, twice = "!record is not a valid json object", "!record has a key twice"
	tests := []struct{ text, want string }{
		{`{"number":"` + visa + `","exp_month":1,"exp_year":2030,"holder":"Jane","id":"r","customer":"c"}`, "ref=r|cust=c|num=" + visa + "|m=1|y=2030|name=Jane"},
		{`{"number":` + visa + `,"expiration":"2030-01","Card-Holder":"Jan\u0065","card":"r","customer_id":7}`, "ref=r|cust=7|num=" + visa + "|m=01|y=2030|name=Jane"},
		{`{"reference":"card_1","customer":{"id":"cust_1","email":"e@x","description":"d","metadata":{"a":{"b":{"c":[{"d":[1]}]}}}},"card":` +
			`{"number":"` + visa + `","expiration_month":1,"expiration_year":2030,"name":"Jane","street1":"s","street2":null,"city":"ct","state":"st",` +
			`"postal_code":"10110","country":"th","phone_number":"+66"}}`,
			"ref=card_1|cust=cust_1|email=e@x|desc=d|num=" + visa + "|m=1|y=2030|name=Jane|s1=s|city=ct|state=st|zip=10110|country=th|phone=+66"},
		{`{"card":{"id":"r","number":"1","expiry":1230}}`, "ref=r|num=1|m=12|y=30"},
		{`{"number":"1","expiry":"12/30","month":null,"year":null}`, "num=1|m=12|y=30"},
		{`{"number":"1","expiry":"x","month":1,"year":30}`, "num=1|m=1|y=30"},
		{`{}`, ""}, {` {"number" : "a\"b" }` + "\r", `num=a"b`},
		{`{"number":1e15}`, "!number has the wrong type"}, {`{"number":-1}`, "!number has the wrong type"}, {`{"number":1.0}`, "!number has the wrong type"},
		{`{"number":true}`, "!number has the wrong type"}, {`{"name":[]}`, "!name has the wrong type"}, {`{"card":[]}`, "!reference has the wrong type"},
		{`{"customer":[]}`, "!customer has the wrong type"}, {`{"customer":{"email":{}}}`, "!email has the wrong type"}, {`{"card":{"card":{}}}`, "!reference has the wrong type"},
		{`{"number":"1","number":"2"}`, twice}, {`{"x":{"y":1,"\u0079":1}}`, twice}, {`{"number":"1","pan":"2"}`, "!number is given twice"},
		{`{"number":"1","card":{"number":"1"}}`, "!number is given twice"}, {`{"email":"a","customer":{"email":"b"}}`, "!email is given twice"},
		{`{"id":null,"reference":"r"}`, "ref=r"},
		{`{"a":{"b":{"c":{}}}}`, ""}, {`{"a":{"b":{"c":{"d":1}}}}`, ""}, {`{"a":{"b":{"c":{"d":{}}}}}`, "!record is nested too deeply"},
		{`{"a":[[[[]]]]}`, "!record is nested too deeply"}, {`{"a":[[[[[[[[[[[[[[]]]]]]]]]]]]]]}`, "!record is nested too deeply"},
		{`{"a":[1` + strings.Repeat(",1", 1097) + `]}`, ""}, {`{"a":[1` + strings.Repeat(",1", 1098) + `]}`, "!record has too many values"},
		{`{`, malformed}, {`[]`, malformed}, {`{} {}`, malformed}, {`{"number":01}`, malformed}, {`x`, malformed}, {"{\"a\":\"\xff\"}", "!record is not valid utf-8"},
		{`{"name":"` + strings.Repeat("x", 64<<10) + `"}`, "!record is longer than 64 KiB"},
	}
	var all []string
	var want []string
	for _, tt := range tests {
		if got := says(t, cardfile.JSONLines, tt.text); len(got) != 1 || got[0] != tt.want {
			t.Errorf("%.200s: got %q, want %q", tt.text, got, tt.want)
		}
		all, want = append(all, tt.text), append(want, tt.want)
	}
	text := "\ufeff\n \t\r\n" + strings.Join(all, "\n\n") + "\n\n"
	if got := says(t, cardfile.JSONLines, text); !reflect.DeepEqual(got, want) {
		t.Errorf("together: got %q\nwant %q", got, want)
	}
}

func TestReferences(t *testing.T) {
	for value, want := range map[string]string{
		"card_1": "", strings.Repeat("x", 255): "", "pay-2024-001": "",
		strings.Repeat("x", 256): " is longer than 255 bytes",
		visa:                     " must not contain a card number", "x-4242 4242 4242 4242": " must not contain a card number",
		"a\tb": " must not contain control characters", "a\u2028b": " must not contain control characters", "a\u0085": " must not contain control characters",
	} {
		for _, name := range []string{"reference", "customer"} {
			flaw := ""
			if want != "" {
				flaw = name + want
			}
			records, err := readAll(cardfile.NewReader(strings.NewReader("number,exp,"+name+"\n1,1230,\""+value+"\"\n"), cardfile.CSV))
			if !errors.Is(err, io.EOF) || len(records) != 1 || records[0].flaw != flaw {
				t.Errorf("%s %.30q: got %v, %v; want %q", name, value, records, err, flaw)
			}
		}
	}
}

// A record of 64 KiB is read, a longer one is not, and reading goes on after it.
func TestLongRecords(t *testing.T) {
	for _, f := range []cardfile.Format{cardfile.CSV, cardfile.JSONLines} {
		head, open, end := "number,exp,name\n", "1,1230,", "\n"
		if f == cardfile.JSONLines {
			head, open, end = "", `{"number":"1","name":"`, "\"}\n"
		}
		record := func(size int) string { return open + strings.Repeat("x", size-len(open+end)) + end }
		for size, flaw := range map[int]string{64 << 10: "", 64<<10 + 1: "record is longer than 64 KiB", 3 << 20: "record is longer than 64 KiB"} {
			for _, last := range []string{record(100), ""} {
				text := head + record(100) + record(size) + last
				records, err := readAll(cardfile.NewReader(strings.NewReader(text), f))
				if !errors.Is(err, io.EOF) || len(records) < 2 || records[1].flaw != flaw || (flaw == "") != (len(records[1].raw) == size) {
					t.Fatalf("%s, %d bytes: %d records, %v", f, size, len(records), err)
				}
				if n := len(records); records[n-1].end != int64(len(text)) || (last != "" && records[n-1].flaw != "") {
					t.Errorf("%s, %d bytes: the last record is %.80q", f, size, records[n-1].says)
				}
			}
		}
		whole := head + strings.TrimSuffix(record(64<<10+1), "\n") // at the end of the file
		if records, _ := readAll(cardfile.NewReader(strings.NewReader(whole), f)); len(records) != 1 || records[0].flaw != "" {
			t.Errorf("%s: the last record of 64 KiB is not read", f)
		}
	}
}

func TestPositions(t *testing.T) {
	head := "number,exp,name\r\n"
	text := head + "1,1230,\"a\nb\"\n\n2,1230,c\n3\n" + "4,1230,d"
	r := cardfile.NewReader(strings.NewReader(text), cardfile.CSV)
	if header, err := r.Header(); string(header) != head || err != nil {
		t.Fatalf("header %q, %v", header, err)
	}
	var got []string
	for {
		rec, err := r.Next()
		if err != nil {
			break
		}
		got = append(got, fmt.Sprintf("%d:%d", rec.Line, rec.End-int64(len(head))))
	}
	if want := []string{"2:13", "5:23", "6:25", "7:33"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if header, err := r.Header(); string(header) != head || err != nil {
		t.Errorf("at the end the header is %q, %v", header, err)
	}
}

func TestUnknownFormat(t *testing.T) {
	if _, err := cardfile.NewReader(strings.NewReader(""), "xml").Next(); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("format xml: %v", err)
	}
}

// An error of the file ends the reading, but not before the records ahead of it.
func TestReadErrors(t *testing.T) {
	cause := errors.New("disk")
	for _, f := range []cardfile.Format{cardfile.CSV, cardfile.JSONLines} {
		for _, part := range []string{"", "1,12", "1,\"12", `{"number`, strings.Repeat("x", 100<<10)} {
			text := "number,exp\n1,1230\n" + part
			if f == cardfile.JSONLines {
				text = `{"number":"1"}` + "\n" + part
			}
			r := cardfile.NewReader(io.MultiReader(strings.NewReader(text), iotest.ErrReader(cause)), f)
			records, err := readAll(r)
			if len(records) != 1 || !errors.Is(err, cause) {
				t.Errorf("%s %.20q: %d records, %v", f, part, len(records), err)
			}
			if _, again := r.Next(); !errors.Is(again, cause) {
				t.Errorf("then %v", again)
			}
		}
		if _, err := cardfile.NewReader(stuck{}, f).Next(); !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("%s: a reader that gives nothing: %v", f, err)
		}
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestRecordIsRedacted(t *testing.T) {
	r := cardfile.NewReader(strings.NewReader("number,exp,id\n"+visa+",1230,MARK\n"), cardfile.CSV)
	rec, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "rec", rec, "list", []cardfile.Record{*rec})
	for _, got := range []string{log.String(), fmt.Sprint(rec), fmt.Sprintf("%+v %#v %x %s %d", rec, *rec, *rec, rec, *rec)} {
		if !strings.Contains(got, "[record of line 2]") || strings.Contains(got, "MARK") || strings.Contains(got, "4242") || strings.Contains(got, "52 50 52") || strings.Contains(got, "343234") {
			t.Errorf("got %s", got)
		}
	}
}
