// Package httpapi carries rollmend over HTTP: the agent routes as a handler
// that anyone can mount, the operator's routes as another, and the client that
// agents written in Go use. All wire names exist once, here.
//
// It is not a server of its own: the embedder mounts [Agent] under mutual TLS
// ([Server] helps), and guards [Operator] as it guards its other pages. It
// decides nothing: a message is read strictly, handed to an [Engine], and the
// answer written down. Start with [Agent].
//
// What it keeps: a host speaks for itself alone, by its verified client
// certificate; nothing is read beyond a bound; a message that is not
// understood is refused with the name of the field, never half taken; and an
// agent is told that its report is kept only after the engine said so.
package httpapi
