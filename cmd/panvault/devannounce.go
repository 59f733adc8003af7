package main

import (
	"fmt"
	"time"
)

// announce tells people or programs that the sandbox answers.
func (c *cli) announce(s *serving, keys sandboxKeys, processorURL string) error {
	url, adminURL := "http://"+s.apiAddr, "http://"+s.adminAddr
	if c.json {
		return c.printJSON(struct {
			URL          string `json:"url"`
			AdminURL     string `json:"admin_url"`
			Merchant     string `json:"merchant"`
			PublicKey    string `json:"public_key"`
			SecretKey    string `json:"secret_key"`
			Data         string `json:"data"`
			ProcessorURL string `json:"processor_url"`
		}{url, adminURL, keys.Merchant, keys.PublicKey, keys.SecretKey, s.app.cfg.DataDir, processorURL})
	}
	fmt.Fprintf(c.stdout, `
Panvault sandbox is ready. Test cards only.

  API          %s
  health       %s/readyz, /metrics
  processor    %s, what it does: /, what it got: /statistics
  data         %s
  merchant     %s
  public key   %s
  secret key   %s

Make a token:

  curl %s/tokens \
    -u %s: \
    -d "card[name]=JOHN DOE" \
    -d "card[number]=4242424242424242" \
    -d "card[expiration_month]=12" \
    -d "card[expiration_year]=%d" \
    -d "card[security_code]=123"

`, url, adminURL, processorURL, s.app.cfg.DataDir, keys.Merchant, keys.PublicKey, keys.SecretKey,
		url, keys.PublicKey, time.Now().Year()+4)
	c.announceNext(url, keys, s.app.cfg.DataDir)
	return nil
}

// announceNext shows people what to do with the token.
func (c *cli) announceNext(url string, keys sandboxKeys, data string) {
	fmt.Fprintf(c.stdout, `Keep its card:

  curl %s/customers -u %s: -d card=TOKEN

Have it charged by the processor, CARD being the card's id:

  curl %s/v1/forwards -u %s: -H 'Content-Type: application/json' \
    -d '{"destination":"sandbox","card":"CARD","fields":{"amount":10000,"currency":"thb"}}'

Next: look at the token with  curl %s/tokens/TOKEN -u %s:
      manage the sandbox with  %s apikey list --merchant %s --data %s
      stop with Ctrl-C; %s.

`, url, keys.SecretKey, url, keys.SecretKey, url, keys.PublicKey, programName(), keys.Merchant, data, c.afterwards())
}

// afterwards says what becomes of the sandbox when it stops.
func (c *cli) afterwards() string {
	if c.dataDir == tempSandbox {
		return "its folder is deleted then"
	}
	return "the next start has the same keys"
}
