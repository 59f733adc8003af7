package httpapi

import "context"

// accountBody is what is true of a merchant here: client libraries ask for an
// account to see whether their keys work.
type accountBody struct {
	Object    string `json:"object"`
	ID        string `json:"id"`
	Livemode  bool   `json:"livemode"`
	Location  string `json:"location"`
	Team      string `json:"team"` // the merchant's name
	CreatedAt string `json:"created_at"`
}

func (a *API) getAccount(_ context.Context, c *call) (any, error) {
	m := c.caller.Account()
	return accountBody{
		Object: "account", ID: m.ID, Livemode: c.caller.Live, Location: "/account",
		Team: m.Name, CreatedAt: timestamp(m.CreatedAt),
	}, nil
}
