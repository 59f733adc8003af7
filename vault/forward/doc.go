// Package forward puts a card number into a request to a configured processor,
// sends it once, and gives back an answer from which every trace of the number
// is gone.
//
// It promises that
//
//   - a request goes only to the destination it was rendered for, to a public
//     address of that host and its fixed port, over verified TLS; the exceptions
//     are settings of the destination, and metadata services have none;
//   - a request is written at most once: there is one connection, one write and
//     one answer, no redirect, no retry and no proxy;
//   - the result of a Send says what is known: ErrNotSent (nothing was written),
//     ErrUnknown (it may have been carried out) or an Answer;
//   - the number and the code are put in no Go string by this package, and its
//     buffer of a request is wiped once Send or Wipe has returned. Copies in
//     crypto/tls, in the kernel, on stacks, and in the headers of an answer, which
//     are strings, are out of reach: exposure is reduced, not zero;
//   - an answer leaves only through Scrub, which looks for the number in every
//     encoding it knows and then, by other means, looks again.
//
// It must never follow a URL from a request or an answer, never send what a
// template did not render whole, and never quote a body, a header, a merchant's
// value or card data in an error.
//
// Functions and methods are safe for concurrent use unless their comment says
// otherwise.
package forward
