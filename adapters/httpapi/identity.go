package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/rollmend/rollmend/states"
)

// identity is who a verified client certificate says that the caller is: its
// common name, where it has one, then its DNS names.
type identity []string

// identify reads the certificate that the TLS handshake has verified. One that
// was only presented counts for nothing.
func identify(r *http.Request) (identity, error) {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || len(r.TLS.VerifiedChains[0]) == 0 {
		return nil, &refusal{status: http.StatusUnauthorized, message: "a verified client certificate is needed, and none was presented"}
	}
	leaf := r.TLS.VerifiedChains[0][0]
	var id identity
	if leaf.Subject.CommonName != "" {
		id = append(id, leaf.Subject.CommonName)
	}
	id = append(id, leaf.DNSNames...)
	if len(id) == 0 {
		return nil, &refusal{status: http.StatusUnauthorized, message: "the client certificate has neither a common name nor a DNS name"}
	}
	return id, nil
}

// host is the host that asks, where nothing but the certificate says so.
func (id identity) host() states.Host { return states.Host(id[0]) }

// speaksFor refuses a body that names another host.
func (id identity) speaksFor(host states.Host) error {
	if slices.Contains(id, string(host)) {
		return nil
	}
	return &refusal{
		status: http.StatusForbidden, field: "hostname",
		message: "the certificate is of " + strings.Join(id, ", ") + ", the body names " + shown(host),
	}
}

// relay reports whether the embedder lists one of the names as a relay's.
func (id identity) relay(listed func(name string) bool) bool {
	return listed != nil && slices.ContainsFunc(id, listed)
}
