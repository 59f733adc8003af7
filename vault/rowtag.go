package vault

import (
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/envelope"
)

// The columns of each table in the order of envelope/FORMAT.md §3.

func cardRow(c *store.Card) *envelope.Row {
	r := envelope.NewRow("cards").
		Text(c.ID).Text(c.Merchant).Bool(c.Live).Text(c.Customer).
		Int(c.CreatedAt).Int(c.ExpiresAt).Int(c.UsedAt).Int(c.AttachedAt).Int(c.DeletedAt).
		Text(c.Brand).Text(c.LastDigits).Int(int64(c.ExpiryMonth)).Int(int64(c.ExpiryYear)).
		Blob(c.Fingerprint).Text(c.ChargeStatus).
		Int(int64(c.KEKVersion)).Int(int64(c.DEKGeneration)).
		Blob(c.WrappedDEK).Blob(c.SealedPAN).Blob(c.SealedProfile)
	if c.FingerprintID != "" || c.PaymentMethod != "" { // rows of before migration 2 end here
		r.Text(c.FingerprintID)
	}
	if c.PaymentMethod != "" { // rows without one end here
		r.Text(c.PaymentMethod)
	}
	return r
}

func fingerprintRow(f *store.Fingerprint) *envelope.Row {
	r := envelope.NewRow("fingerprints").
		Blob(f.MAC).Int(int64(f.KeyVersion)).Text(f.Merchant).Bool(f.Live).Blob(f.Surrogate).Int(f.CreatedAt)
	if f.ID != "" { // rows of before migration 2 end here
		r.Text(f.ID).Int(f.Cards)
	}
	return r
}

func merchantRow(m *store.Merchant) *envelope.Row {
	r := envelope.NewRow("merchants").
		Text(m.ID).Text(m.Name).Int(m.CreatedAt).Int(m.DisabledAt).
		Bool(m.ShowFirstDigits).Bool(m.HideFingerprint).Int(m.TokenTTL)
	if m.PaymentMID != "" { // rows without one end here
		r.Text(m.PaymentMID)
	}
	return r
}

func apiKeyRow(k *store.APIKey) *envelope.Row {
	return envelope.NewRow("api_keys").
		Text(k.ID).Blob(k.Hash).Text(k.Merchant).Text(k.Kind).Bool(k.Live).
		Text(k.Label).Text(k.Hint).Int(k.CreatedAt).Int(k.RevokedAt)
}

func workingKeyRow(k *store.WorkingKey) *envelope.Row {
	return envelope.NewRow("working_keys").
		Text(k.Purpose).Text(k.Mode).Int(int64(k.Version)).Text(k.State).
		Int(int64(k.KEKVersion)).Blob(k.Wrapped).Int(k.CreatedAt)
}

func customerRow(c *store.Customer) *envelope.Row {
	return envelope.NewRow("customers").
		Text(c.ID).Text(c.Merchant).Bool(c.Live).Int(c.CreatedAt).Int(c.DeletedAt).
		Text(c.DefaultCard).Blob(c.Sealed)
}

func idempotencyRow(i *store.Idempotency) *envelope.Row {
	return envelope.NewRow("idempotency").
		Blob(i.ID).Blob(i.Request).Text(i.Merchant).Bool(i.Live).Text(i.Customer).
		Int(i.CreatedAt).Int(i.ExpiresAt).Int(int64(i.Status)).Blob(i.Answer)
}

func importRow(i *store.Import) *envelope.Row {
	return envelope.NewRow("imports").
		Blob(i.Source).Text(i.ID).Text(i.Merchant).Bool(i.Live).Int(i.CreatedAt).Int(i.FinishedAt).
		Int(i.Records).Int(i.Cards).Int(i.ReadTo).Blob(i.Prefix).Int(i.MapSize).Int(i.RejectSize)
}

func forwardRow(f *store.Forward) *envelope.Row {
	return envelope.NewRow("forwards").
		Text(f.ID).Text(f.Merchant).Bool(f.Live).Text(f.Use).Text(f.Destination).Text(f.Card).Bool(f.Token).
		Text(f.Charge).Blob(f.Request).Text(string(f.State)).Text(f.Reason).Int(int64(f.Status)).Int(f.Masked).
		Int(f.CreatedAt).Int(f.SentAt).Int(f.EndedAt).Int(f.LeaseUntil).Int(f.VaultTime).Int(f.AnswerTime)
}

func chargeRow(c *store.Charge) *envelope.Row {
	return envelope.NewRow("charges").
		Text(c.ID).Text(c.Merchant).Bool(c.Live).Text(c.Card).Text(c.Customer).Text(c.Brand).Text(c.LastDigits).
		Int(c.Amount).Text(c.Currency).Bool(c.Capture).Text(string(c.State)).Text(c.FailureCode).Text(c.Reference).
		Text(c.Attempt).Blob(c.Sealed).Int(c.CreatedAt).Int(c.PaidAt).Int(c.ReversedAt)
}

func revealRow(r *store.Reveal) *envelope.Row {
	return envelope.NewRow("reveals").
		Text(r.ID).Text(r.APIKey).Text(r.Merchant).Bool(r.Live).Text(r.Card).Text(r.Fields).Text(r.Outcome).
		Int(r.CreatedAt).Int(r.CountedAt)
}

func keyVersionRow(k *store.KeyVersion) *envelope.Row {
	return envelope.NewRow("key_versions").
		Text(k.Key).Int(int64(k.Version)).Text(string(k.State)).Bool(k.Suspect).
		Int(k.BornAt).Int(k.ActivatedAt).Int(k.DeactivatedAt).Int(k.RetiredAt).Int(k.DestroyedAt).
		Text(k.ChangedBy).Text(k.Reason).Blob(k.Canary)
}

func nodeRow(n *store.Node) *envelope.Row {
	return envelope.NewRow("nodes").
		Text(n.ID).Text(n.Name).Int(n.StartedAt).Int(n.SeenAt).Int(n.Epoch)
}

func keyJobRow(j *store.KeyJob) *envelope.Row {
	return envelope.NewRow("key_jobs").
		Text(j.ID).Text(j.Verb).Text(j.Key).Int(int64(j.Target)).Text(j.Cursor).
		Int(j.Moved).Int(j.Skipped).Int(j.Failed).Int(j.StartedAt).Int(j.UpdatedAt).Int(j.FinishedAt).
		Text(j.StartedBy)
}

func approvalRow(a *store.Approval) *envelope.Row {
	return envelope.NewRow("approvals").
		Text(a.ID).Text(a.Action).Blob(a.Subject).Text(a.Reason).Text(a.RequestedBy).Int(a.RequestedAt).
		Text(a.GrantedBy).Int(a.GrantedAt).Int(a.ExpiresAt).Int(a.UsedAt)
}
