package httpapi

import (
	"context"

	"github.com/panvault/panvault/vault"
)

// RetentionReport says what is kept and whether anything is kept too long.
type RetentionReport struct {
	Object        string         `json:"object"` // retention_report
	At            string         `json:"at"`
	PastRetention int            `json:"past_retention"` // must be 0
	Due           int            `json:"due"`            // the next sweep destroys them
	OldestLapse   *string        `json:"oldest_lapse"`   // of a token that is due
	Kept          RetentionKept  `json:"kept"`
	Past          RetentionPast  `json:"past"`
	Rules         RetentionRules `json:"rules"`
}

// RetentionKept counts what is kept.
type RetentionKept struct {
	UnusedTokens int `json:"unused_tokens"`
	StoredCards  int `json:"stored_cards"`
}

// RetentionPast is past_retention by reason.
type RetentionPast struct {
	SpentCards   int `json:"spent_cards"` // used tokens of no customer
	LapsedTokens int `json:"lapsed_tokens"`
	UnusedCards  int `json:"unused_cards"`
	ExpiredCards int `json:"expired_cards"`
}

// RetentionRules are the settings that apply; 0 days: no such rule.
type RetentionRules struct {
	TokenTTL    string `json:"token_ttl"` // the server's default
	AfterExpiry int    `json:"after_expiry_days"`
	AfterUse    int    `json:"after_use_days"`
	Backups     int    `json:"backup_days"`
}

// NewRetentionReport returns the JSON form of a report.
func NewRetentionReport(r vault.RetentionReport) RetentionReport {
	return RetentionReport{
		Object: "retention_report", At: timestamp(r.At), PastRetention: r.Past(), Due: r.Due, OldestLapse: optionalTime(r.OldestLapse),
		Kept:  RetentionKept{r.Tokens, r.Stored},
		Past:  RetentionPast{r.SpentCards, r.LapsedTokens, r.UnusedCards, r.ExpiredCards},
		Rules: RetentionRules{r.TokenTTL.String(), r.Retention.AfterExpiry, r.Retention.AfterUse, r.Retention.Backups},
	}
}

func (a *API) getRetention(ctx context.Context, c *call) (any, error) {
	report, err := a.svc.RetentionReport(ctx, c.caller)
	if err != nil {
		return nil, err
	}
	return NewRetentionReport(report), nil
}
