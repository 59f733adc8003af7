package forward

import "bytes"

// walkXML notes texts and tags as leaves. It need not be well formed: what is
// no tag is text. The content of an element with the name of a security code
// is masked, and that of such an attribute.
func (f *finder) walkXML() {
	coded := false
	for at := 0; at < len(f.text); {
		if f.text[at] == '<' {
			to := len(f.text)
			if i := bytes.IndexByte(f.text[at:], '>'); i >= 0 {
				to = at + i + 1
			}
			end := to
			if special := bytes.HasPrefix(f.text[at:], []byte("<!")) || bytes.HasPrefix(f.text[at:], []byte("<?")); special {
				// Comments and CDATA sections are read as texts.
				f.leaves = append(f.leaves, leaf{from: at, to: end})
				if coded {
					f.hits.Code++
					f.add(at, end, codeStars)
				}
			} else {
				f.leaves = append(f.leaves, leaf{from: at, to: end, name: true})
				coded = isCodeName(plainName(tagName(f.text[at:end])))
				f.attributes(at, end)
			}
			at = end
			continue
		}
		to := len(f.text)
		if i := bytes.IndexByte(f.text[at:], '<'); i >= 0 {
			to = at + i
		}
		f.leaves = append(f.leaves, leaf{from: at, to: to})
		if coded && len(bytes.TrimSpace(f.text[at:to])) > 0 {
			f.hits.Code++
			f.add(at, to, codeStars)
		}
		at = to
	}
}

// tagName is the name in an opening tag; nothing for a closing one.
func tagName(tag []byte) []byte {
	tag = tag[1:]
	end := bytes.IndexAny(tag, " \t\r\n/>")
	if end < 0 {
		end = len(tag)
	}
	return tag[:end]
}

// attributes masks those with the name of a security code.
func (f *finder) attributes(from, to int) {
	for i := from; i < to; i++ {
		quote := f.text[i]
		if quote != '"' && quote != '\'' {
			continue
		}
		end := bytes.IndexByte(f.text[i+1:to], quote)
		if end < 0 {
			return
		}
		name := bytes.TrimRight(f.text[from:i], " \t\r\n=")
		name = name[bytes.LastIndexAny(name, " \t\r\n")+1:]
		if isCodeName(plainName(name)) && end > 0 {
			f.hits.Code++
			f.add(i+1, i+1+end, codeStars)
		}
		i += end + 1
	}
}

// walkForm notes names and values as leaves and masks the values of pairs with
// the name of a security code.
func (f *finder) walkForm() {
	at := 0
	for pair := range bytes.SplitSeq(f.text, []byte("&")) {
		name, value, _ := bytes.Cut(pair, []byte("="))
		split := at + len(name)
		f.leaves = append(f.leaves, leaf{from: at, to: split, name: true})
		if end := at + len(pair); split < end {
			f.leaves = append(f.leaves, leaf{from: split + 1, to: end})
			plain, _ := f.hold(viewOf(f.text, at, split)).unescape()
			if isCodeName(plainName(f.hold(plain).b)) && len(value) > 0 {
				f.hits.Code++
				f.add(split+1, end, codeStars)
			}
		}
		at += len(pair) + 1
	}
}
