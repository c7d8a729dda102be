package httpapi_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters/httpapi"
	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/synth"
)

func TestAHostSpeaksForItselfAlone(t *testing.T) {
	s := &stub{}
	h := httpapi.Agent(s, httpapi.Options{Relays: func(name string) bool { return name == "relay" }})
	beat, event := golden(t, "heartbeat"), golden(t, "report-Converged")
	batch := append(append([]byte("["), beat...), ']')
	for _, c := range []struct {
		name   string
		conn   *tls.ConnectionState
		path   string
		body   []byte
		status int
		said   string
	}{
		{"the common name", named("web-1"), httpapi.PathHeartbeat, beat, 200, ""},
		{"a DNS name", named("machine-7", "web-0", "web-1"), httpapi.PathHeartbeat, beat, 200, ""},
		{"a DNS name without a common name", named("", "web-1"), httpapi.PathEvents, event, 200, ""},
		{"another host's heartbeat", named("web-2", "w2.lan"), httpapi.PathHeartbeat, beat, 403, "the certificate is of web-2, w2.lan, the body names web-1"},
		{"another host's report", named("web-2"), httpapi.PathEvents, event, 403, "the certificate is of web-2, the body names web-1"},
		{"a name in another case", named("WEB-1"), httpapi.PathEvents, event, 403, "the certificate is of WEB-1, the body names web-1"},
		{"a relay on the batch's route", named("relay"), httpapi.PathHeartbeats, batch, 200, ""},
		{"a relay on a host's route", named("relay"), httpapi.PathHeartbeat, beat, 403, "the certificate is of relay, the body names web-1"},
		{"a relay with a report", named("relay"), httpapi.PathEvents, event, 403, "the certificate is of relay, the body names web-1"},
		{"no TLS", nil, httpapi.PathHeartbeat, beat, 401, "a verified client certificate is needed, and none was presented"},
		{"no certificate", &tls.ConnectionState{}, httpapi.PathHeartbeat, beat, 401, "a verified client certificate is needed, and none was presented"},
		{
			"a certificate that nobody verified", &tls.ConnectionState{PeerCertificates: []*x509.Certificate{named("web-1").VerifiedChains[0][0]}},
			httpapi.PathHeartbeat, beat, 401, "a verified client certificate is needed, and none was presented",
		},
		{"a certificate without a name", named(""), httpapi.PathHeartbeat, beat, 401, "the client certificate has neither a common name nor a DNS name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.beats, s.events = nil, nil
			w := serve(h, request(http.MethodPost, c.path, c.body, c.conn))
			require.Equal(t, c.status, w.Code, w.Body)
			if c.status == http.StatusOK {
				require.Equal(t, 1, len(s.beats)+len(s.events))
				return
			}
			require.Equal(t, c.said, problemOf(t, w.Body.Bytes()).Error)
			require.Empty(t, s.beats)
			require.Empty(t, s.events)
		})
	}
}

// A batch of one that is no relay may hold its own heartbeats alone.
func TestABatchFromAHostIsItsOwn(t *testing.T) {
	s := &stub{}
	batch := `[{"hostname":"web-1","at":"2026-03-01T12:00:00Z"},{"hostname":"web-2","at":"2026-03-01T12:00:00Z"}]`
	w := post(httpapi.Agent(s, httpapi.Options{}), httpapi.PathHeartbeats, batch)
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, []synth.Heartbeat{{Host: "web-1", At: noon}}, s.beats)
	require.JSONEq(t, `[{"received_at":"2026-03-01T12:00:00.000Z"},
		{"status":403,"error":"the certificate is of web-1, the body names web-2","field":"hostname"}]`, w.Body.String())
}

// The same over a real handshake.
func TestTheHandshakeDecidesWhoAsks(t *testing.T) {
	for name, http2 := range protocols {
		t.Run(name, func(t *testing.T) {
			s := &stub{}
			cp := listen(t, httpapi.Agent(s, httpapi.Options{}), nil)
			beat := func(certs ...tls.Certificate) error {
				_, err := cp.client(t, http2, "web-1", certs...).Heartbeat(t.Context(), agent.Heartbeat{At: noon})
				return err
			}
			require.NoError(t, beat(cp.issue(t, "web-1")))
			require.NoError(t, beat(cp.issue(t, "machine-7", "web-1")))
			require.Len(t, s.beats, 2)

			var status *httpapi.StatusError
			require.ErrorAs(t, beat(cp.issue(t, "web-2")), &status)
			require.Equal(t, http.StatusForbidden, status.Status)
			require.Equal(t, "hostname", status.Field)

			require.Error(t, beat(), "no certificate")
			require.Error(t, beat(newAuthority(t).issue(t, "web-1")), "another authority's certificate")
			require.Len(t, s.beats, 2)
		})
	}
}

// A server that only asks for a certificate lets nobody in without one.
func TestACertificateThatWasNotDemandedIsStillNeeded(t *testing.T) {
	cp := listen(t, httpapi.Agent(&stub{}, httpapi.Options{}), func(srv *http.Server) {
		srv.TLSConfig.ClientAuth = tls.VerifyClientCertIfGiven
	})
	_, err := cp.client(t, false, "web-1").Heartbeat(t.Context(), agent.Heartbeat{At: noon})
	var status *httpapi.StatusError
	require.ErrorAs(t, err, &status)
	require.Equal(t, http.StatusUnauthorized, status.Status)
}

func TestAServerNeedsTheHostsAuthorities(t *testing.T) {
	for _, cfg := range []*tls.Config{nil, {}} {
		_, err := httpapi.Server(":0", cfg, http.NotFoundHandler())
		require.ErrorIs(t, err, httpapi.ErrNoClientCAs)
	}
	cfg := &tls.Config{ClientCAs: x509.NewCertPool()}
	srv, err := httpapi.Server(":8443", cfg, http.NotFoundHandler())
	require.NoError(t, err)
	require.Equal(t, tls.RequireAndVerifyClientCert, srv.TLSConfig.ClientAuth)
	require.Equal(t, tls.NoClientCert, cfg.ClientAuth, "the caller's own is left as it was")
	require.Positive(t, srv.ReadHeaderTimeout)
	require.Positive(t, srv.IdleTimeout)
}
