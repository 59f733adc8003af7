package cardfile

import "io"

// Resume returns a reader that goes on in a file: r begins after the record whose
// End is end, on the line whose number is line, and header is what Header
// returned, which Resume does not keep. Position gives both numbers. The error is
// one of Header, or that the numbers are none a reader can have.
func Resume(r io.Reader, f Format, header []byte, line, end int64) (*Reader, error) {
	out := NewReader(r, f)
	if out.err != nil {
		return nil, out.err
	}
	if f == CSV {
		if err := out.setHeader(header); err != nil {
			return nil, err
		}
	}
	if line < 1 || end < int64(len(out.header)) {
		return nil, errPosition
	}
	out.in.line, out.in.offset = line, end
	return out, nil
}
