package card

// ParseName cleans a cardholder's name as ParseText does. It reports
// NameBlank or NameInvalid, or 0 when the name is good.
func ParseName(raw []byte) (string, Problem) {
	name, ok := ParseText(raw)
	switch {
	case !ok:
		return "", NameInvalid
	case name == "":
		return "", NameBlank
	}
	return name, 0
}
