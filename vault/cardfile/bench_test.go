package cardfile

import "testing"

var (
	benchHeads   = map[Format]string{CSV: "reference,customer,email,number,exp_month,exp_year,name,street1,city,postal_code,country\n"}
	benchRecords = map[Format]string{
		CSV: "card_5fzbs2m3kq1x7v9d0a4h,cust_5fzbs2m3kq1x7v9d0a4h,jane@example.com,4242424242424242,10,2045,\"JANE DOE\",1 Sukhumvit Road,Bangkok,10110,th\n",
		JSONLines: `{"reference":"card_5fzbs2m3kq1x7v9d0a4h","customer":{"id":"cust_5fzbs2m3kq1x7v9d0a4h","email":"jane@example.com","description":null,"metadata":{"a":1}},` +
			`"card":{"number":"4242424242424242","expiration_month":10,"expiration_year":2045,"name":"JANE DOE","street1":"1 Sukhumvit Road","city":"Bangkok",` +
			`"postal_code":"10110","country":"th"}}` + "\n",
	}
)

// endless is a file of one record, again and again.
type endless struct {
	head, text string
	at         int
}

// Read reads on.
func (e *endless) Read(b []byte) (int, error) {
	n := copy(b, e.head)
	e.head = e.head[n:]
	for n < len(b) {
		c := copy(b[n:], e.text[e.at:])
		e.at = (e.at + c) % len(e.text)
		n += c
	}
	return n, nil
}

func BenchmarkNext(b *testing.B) {
	for _, f := range []Format{CSV, JSONLines} {
		b.Run(string(f), func(b *testing.B) {
			r := NewReader(&endless{head: benchHeads[f], text: benchRecords[f]}, f)
			b.SetBytes(int64(len(benchRecords[f])))
			b.ReportAllocs()
			for b.Loop() {
				if rec, err := r.Next(); err != nil || rec.Problem != nil {
					b.Fatal(err, rec.Problem)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
