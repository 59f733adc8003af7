package forward

import "errors"

// The classes of failure; test for them with errors.Is. No error of this
// package quotes a body, a header's value, a field's value or card data.
var (
	// ErrInvalid is a destination whose settings are wrong.
	ErrInvalid = errors.New("forward: the destination's settings are wrong")
	// ErrTemplate is a request that cannot be rendered: a field is missing or
	// has a wrong type, or the result is not what its content type says.
	ErrTemplate = errors.New("forward: the request cannot be rendered")
	// ErrNotSent means that no byte of the request was written: the processor
	// knows nothing of it, and another attempt is safe.
	ErrNotSent = errors.New("forward: the request was not sent")
	// ErrUnknown means that writing had begun and there is no whole answer: the
	// request may have been carried out.
	ErrUnknown = errors.New("forward: the request's fate is unknown")
	// ErrSpent is a Request that was sent or wiped before. It says nothing of
	// the fate of the earlier attempt.
	ErrSpent = errors.New("forward: the request is spent")
	// ErrAnswerType is an answer of a type that cannot be searched for the card
	// number: not UTF-8, or not JSON, XML, a form or text.
	ErrAnswerType = errors.New("forward: the answer's type cannot be scrubbed")
	// ErrLeak is an answer in which the number was still found after scrubbing.
	ErrLeak = errors.New("forward: the answer still held the card number")
)

// failure is an error of one class with a reason made of fixed words, and what
// caused it, which is for errors.Is and is not printed.
type failure struct {
	class  error
	reason string
	cause  error
}

// Error returns the class and the reason.
func (f *failure) Error() string { return f.class.Error() + ": " + f.reason }

// Unwrap returns the class and the cause.
func (f *failure) Unwrap() []error {
	if f.cause == nil {
		return []error{f.class}
	}
	return []error{f.class, f.cause}
}

// Reason returns the part of an error of this package that says why, in fixed
// words, such as "answer cut short"; "" for any other error.
func Reason(err error) string {
	var f *failure
	if errors.As(err, &f) {
		return f.reason
	}
	return ""
}

func notSent(reason string, cause error) error { return &failure{ErrNotSent, reason, cause} }
func unknown(reason string, cause error) error { return &failure{ErrUnknown, reason, cause} }
func unrendered(reason string) error           { return &failure{ErrTemplate, reason, nil} }
