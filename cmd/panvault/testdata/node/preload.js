// Leads the unmodified library to the server of the test: it has no option for
// a port, and its own suites have Omise's hosts wired in.
'use strict';

require('http').globalAgent.defaultPort = Number(process.env.TEST_PORT);

const dns = require('dns');
const lookup = dns.lookup;
dns.lookup = (host, ...rest) => lookup(/\.omise\.co$/.test(host) ? '127.0.0.1' : host, ...rest);
