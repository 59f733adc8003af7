package main

import (
	"encoding/json"
	"maps"
	"time"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/forward"
)

// sampleFields are the fields that a template of a use gets, with made-up
// values; nil for forwards, whose fields are the merchant's own.
// deploy/destinations.md documents them.
func sampleFields(use vault.Use) map[string]any {
	switch use {
	case vault.UseCharge:
		return map[string]any{
			"amount": json.Number("10000"), "currency": "thb", "capture": true,
			"description": "Order 1", "customer": "cust_test_000000000000000000000000",
			"return_uri": "https://shop.example/paid", "ip": "203.0.113.7",
			"metadata": map[string]any{"order": "1"},
		}
	case vault.UseCapture, vault.UseReverse:
		return map[string]any{
			"charge": "chrg_test_000000000000000000000000", "processor_reference": "pay_000000000000",
			"amount": json.Number("10000"), "currency": "thb",
		}
	case vault.UsePayment:
		return map[string]any{
			"amount": "1000", "currency": "JPY", "merchant_id": "mid-1", "merchant_txn_ref": "order-1",
			"customer_ip": "203.0.113.7", "time_zone": "Asia/Tokyo",
			"return_url": map[string]any{
				"webhook_url": "https://shop.example/hook", "success_url": "https://shop.example/paid", "decline_url": "https://shop.example/declined",
			},
			"billing_address": sampleAddress(), "shipping_address": sampleAddress(),
		}
	}
	return nil
}

func sampleAddress() map[string]any {
	return map[string]any{
		"country": "JP", "email": "jane@example.com", "phone_number": "8112345678", "address1": "1-2-3 Shinjuku",
		"city": "Shinjuku-ku", "state": "Tokyo", "postal_code": "1600022",
	}
}

// sparseFields are sampleFields with nothing in what may be left out.
func sparseFields(use vault.Use) map[string]any {
	fields := sampleFields(use)
	switch use {
	case vault.UseCharge:
		fields["capture"], fields["metadata"] = false, map[string]any{}
		for _, name := range []string{"description", "customer", "return_uri", "ip"} {
			fields[name] = ""
		}
	case vault.UsePayment:
		for name, value := range fields {
			if object, ok := value.(map[string]any); ok {
				blank(object)
			} else if name != "amount" && name != "currency" {
				fields[name] = ""
			}
		}
		fields["amount"] = json.Number("1000") // as the merchant wrote it
	}
	return fields
}

func blank(object map[string]any) {
	for name := range object {
		object[name] = ""
	}
}

// sampleValues are those of a published test card (contract 7.2), for uses that
// get one. fields go over the samples of the use.
func sampleValues(d vault.Destination, fields map[string]any) (forward.Values, error) {
	values := forward.Values{Reference: sampleReference(d), Fields: sampleFields(d.Use)}
	if values.Fields == nil {
		values.Fields = make(map[string]any)
	}
	maps.Copy(values.Fields, fields)
	if d.Use == vault.UseCapture || d.Use == vault.UseReverse {
		return values, nil
	}
	var err error
	if values.Number, err = card.NewPAN([]byte("4242424242424242")); err != nil {
		return values, err
	}
	if values.Code, err = card.NewSecurityCode([]byte("123")); err != nil {
		return values, err
	}
	values.Expiry = card.Expiry{Month: 12, Year: time.Now().Year() + 4}
	values.Holder = card.Holder{Name: "JOHN DOE", City: "Bangkok", Country: "th", PostalCode: "10320"}
	return values, nil
}

func sampleReference(d vault.Destination) string {
	prefix := "fwrd_"
	if d.Use == vault.UseCharge {
		prefix = "chrg_"
	}
	if !d.Live {
		prefix += "test_"
	}
	return prefix + "000000000000000000000000"
}
