package vault

import "github.com/panvault/panvault/vault/card"

type codes struct{}

func (*codes) borrow(string) card.SecurityCode { return card.SecurityCode{} }
func (*codes) settle(string, bool)             {}
