package card

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// MaxIINRows is the most rows that an issuer table may have.
const MaxIINRows = 2_000_000

// iinHeader is the first line of an issuer file, word for word.
const iinHeader = "iin_start,iin_end,bank,financing,country"

// LoadIIN reads an issuer table from CSV (RFC 4180, UTF-8, an optional byte
// order mark) whose first line is
//
//	iin_start,iin_end,bank,financing,country
//
// A row covers the prefixes iin_start to iin_end, both of the same length of
// 4 to 8 digits; an empty iin_end means iin_start alone. financing is credit,
// debit, prepaid or empty, country two letters or empty, in any case.
//
// The file is taken whole or not at all. Errors name the line, both lines
// where two ranges of the same length overlap, and never quote a value. More
// than MaxIINRows rows are an error; an empty table is not.
func LoadIIN(r io.Reader) (*IINTable, error) { return loadIIN(r, MaxIINRows) }

func loadIIN(r io.Reader, limit int) (*IINTable, error) {
	l := iinLoader{limit: limit, rows: csv.NewReader(skipBOM(r)), known: make(map[Issuer]uint32)}
	l.rows.ReuseRecord = true
	l.rows.FieldsPerRecord = strings.Count(iinHeader, ",") + 1
	if err := l.header(); err != nil {
		return nil, err
	}
	for n := 0; ; n++ {
		record, err := l.rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("card: issuer table: %w", err)
		}
		if err := l.row(n, record); err != nil {
			return nil, err
		}
	}
	return l.table()
}

// iinLoader is an issuer table in the making.
type iinLoader struct {
	limit   int // of data rows
	rows    *csv.Reader
	issuers []Issuer
	known   map[Issuer]uint32
	spans   [maxIINLength + 1][]iinRow
}

// iinRow is a span that remembers its line.
type iinRow struct {
	iinSpan
	line uint32
}

func (l *iinLoader) header() error {
	record, err := l.rows.Read()
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("card: issuer table: %w", err)
	}
	if strings.Join(record, ",") != iinHeader {
		return fmt.Errorf("card: issuer table: line 1 must be %q", iinHeader)
	}
	return nil
}

// row adds one data row, the nth from 0.
func (l *iinLoader) row(n int, record []string) error {
	line, _ := l.rows.FieldPos(0)
	if n >= l.limit {
		return fmt.Errorf("card: issuer table: line %d: more than %d rows", line, l.limit)
	}
	width, span, err := parseSpan(record[0], record[1])
	if err == nil {
		span.issuer, err = l.intern(record[2], record[3], record[4])
	}
	if err != nil {
		return fmt.Errorf("card: issuer table: line %d: %w", line, err)
	}
	l.spans[width] = append(l.spans[width], iinRow{span, uint32(line)})
	return nil
}

// intern checks an issuer and returns its number.
func (l *iinLoader) intern(bank, financing, country string) (uint32, error) {
	bank, ok := ParseText([]byte(bank))
	if !ok {
		return 0, errors.New("bank is not a name of at most 255 characters")
	}
	financing = strings.ToLower(financing)
	if !slices.Contains([]string{"", "credit", "debit", "prepaid"}, financing) {
		return 0, errors.New("financing is not credit, debit or prepaid")
	}
	country, ok = parseCountry([]byte(country))
	if !ok {
		return 0, errors.New("country is not two letters")
	}
	issuer := Issuer{Bank: bank, Financing: financing, Country: country}
	i, ok := l.known[issuer]
	if !ok {
		i = uint32(len(l.issuers))
		l.issuers = append(l.issuers, issuer)
		l.known[issuer] = i
	}
	return i, nil
}

// table sorts the rows, refuses overlaps and packs the rest.
func (l *iinLoader) table() (*IINTable, error) {
	t := &IINTable{issuers: slices.Clip(l.issuers)}
	for width, rows := range l.spans {
		slices.SortFunc(rows, func(a, b iinRow) int {
			return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.line, b.line))
		})
		packed := make([]iinSpan, len(rows))
		for i, row := range rows {
			if i > 0 && row.from <= rows[i-1].to {
				a, b := rows[i-1].line, row.line
				return nil, fmt.Errorf("card: issuer table: lines %d and %d overlap", min(a, b), max(a, b))
			}
			packed[i] = row.iinSpan
		}
		t.spans[width] = packed
		l.spans[width] = nil
	}
	return t, nil
}

// parseSpan reads the two ends of a range and how many digits they have.
func parseSpan(start, end string) (width int, span iinSpan, err error) {
	if end == "" {
		end = start
	}
	width = len(start)
	if width < minIINLength || width > maxIINLength || !allDigits([]byte(start)) {
		return 0, span, errors.New("iin_start is not 4 to 8 digits")
	}
	if len(end) != width || !allDigits([]byte(end)) {
		return 0, span, errors.New("iin_end has not as many digits as iin_start")
	}
	if end < start {
		return 0, span, errors.New("iin_end is before iin_start")
	}
	span.from = uint32(decimal([]byte(start)))
	span.to = uint32(decimal([]byte(end)))
	return width, span, nil
}

// skipBOM cuts the UTF-8 byte order mark that spreadsheets write.
func skipBOM(r io.Reader) io.Reader {
	br := bufio.NewReader(r)
	if head, _ := br.Peek(3); bytes.Equal(head, []byte("\xef\xbb\xbf")) {
		_, _ = br.Discard(3)
	}
	return br
}
