package forward

import "strconv"

// head renders the request line and the headers, but for the body's length.
func (e *endpoint) head(w words) ([]byte, error) {
	path, err := e.path.execute(w, maxPathLength)
	if err != nil {
		return nil, err
	}
	if err := checkPath(path.text); err != nil {
		return nil, err
	}
	var h []byte
	h = append(h, e.Method...)
	h = append(h, ' ')
	h = append(h, path.text...)
	h = append(h, " HTTP/1.1\r\n"...)
	h = appendHeader(h, "Host", []byte(e.origin.field))
	if e.body != nil {
		h = appendHeader(h, "Content-Type", []byte(e.ContentType))
	}
	// An answer is read as it is, once.
	h = appendHeader(h, "Accept-Encoding", []byte("identity"))
	h = appendHeader(h, "Connection", []byte("close"))
	for _, header := range e.headers {
		value := header.value
		if header.text != nil {
			out, err := header.text.execute(w, maxHeaderSize)
			if err != nil {
				return nil, err
			}
			if err := checkHeaderValue(out.text); err != nil {
				return nil, err
			}
			value = out.text
		}
		h = appendHeader(h, header.name, value)
	}
	return h, nil
}

// finishHead adds the length of the body and ends the head.
func (e *endpoint) finishHead(h []byte, size int) []byte {
	if e.body != nil {
		h = appendHeader(h, "Content-Length", strconv.AppendInt(nil, int64(size), 10))
	}
	return append(h, "\r\n"...)
}

func appendHeader(h []byte, name string, value []byte) []byte {
	h = append(h, name...)
	h = append(h, ": "...)
	h = append(h, value...)
	return append(h, "\r\n"...)
}
