package policy

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/cedar-policy/cedar-go"
)

// Actions lists every action.
func Actions() []Action {
	return []Action{
		CreateToken, ReadToken, ManageCustomer, ForwardCard, ManageCharge, SettleCharge, CreatePayment,
		ManageMerchant, ManageKey, ManageAPIKey, ReadOperations, FindCard, ImportCard, ExportCard,
		RevealMasked, RevealNumber, RevealHolder, GrantApproval,
	}
}

// checkActions reports the first action of a policy that does not exist.
func checkActions(set *cedar.PolicySet) error {
	text, err := set.MarshalJSON()
	if err != nil {
		return err
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		return err
	}
	return checkNode(tree)
}

// checkNode walks the JSON form of policies, in which an entity is an object
// with type and id.
func checkNode(node any) error {
	switch node := node.(type) {
	case []any:
		for _, item := range node {
			if err := checkNode(item); err != nil {
				return err
			}
		}
	case map[string]any:
		id, ok := node["id"].(string)
		if ok && node["type"] == "Action" && !slices.Contains(Actions(), Action(id)) {
			return fmt.Errorf("there is no action %q", id)
		}
		for _, item := range node {
			if err := checkNode(item); err != nil {
				return err
			}
		}
	}
	return nil
}
