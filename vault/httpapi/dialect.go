package httpapi

import (
	"net/http"
	"time"

	"github.com/panvault/panvault/vault/card"
)

// version is what the Omise-Version header asks for. The documented dialect
// and the one of 2019-05-29 differ in the statuses of refused cards; this file
// is the only place that knows how.
type version struct {
	date string // the version that applies, one of versions
	doc  bool   // the documented dialect: no header, or a date after 2019-05-29
}

const newest = "2019-05-29"

// versions the real API has had, oldest first.
func versions() []string { return []string{"2014-07-27", "2015-11-17", "2017-11-02", newest} }

// versionOf never fails: an unknown date counts as the newest version before
// it, a header that is no date as no header.
func versionOf(h http.Header) version {
	asked := h.Get("Omise-Version")
	if _, err := time.Parse(time.DateOnly, asked); err != nil {
		return version{newest, true}
	}
	v := version{versions()[0], asked > newest}
	for _, date := range versions() {
		if date <= asked {
			v.date = date
		}
	}
	return v
}

// answer is what the Omise-Version response header says.
func (v version) answer() string { return newest }

// created reports whether objects carry a "created" copy of "created_at".
func (v version) created() bool { return v.date < newest }

// separators reports whether spaces and hyphens in a card number are stripped.
func (v version) separators() bool { return !v.doc }

func missingCard(v version) problem {
	const message = "request contains no card parameters"
	if v.doc {
		return problem{http.StatusBadRequest, "bad_request", message}
	}
	return problem{http.StatusBadRequest, "missing_card", message}
}

// invalidCard gives the status of a refused card. In the documented dialect a
// malformed request (400) outweighs a refused card (402), and among those the
// number outweighs the date and the date the security code.
func invalidCard(problems card.Problems, v version) problem {
	message := problems.Message()
	if !v.doc {
		return problem{http.StatusBadRequest, "invalid_card", message}
	}
	verdict := problem{http.StatusPaymentRequired, "invalid_security_code", message}
	for _, p := range problems {
		switch p {
		case card.SecurityCodeInvalid:
		case card.MonthInvalid, card.YearInvalid, card.DateInvalid, card.DatePast:
			if verdict.code != "invalid_card" {
				verdict.code = "invalid_expiration_date"
			}
		case card.NumberLuhn, card.BrandUnsupported:
			verdict.code = "invalid_card"
		default:
			return problem{http.StatusBadRequest, "bad_request", message}
		}
	}
	return verdict
}
