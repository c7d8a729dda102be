package httpapi_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters/httpapi"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// stub is an Engine that answers what a test tells it to, and remembers what it
// was asked.
type stub struct {
	beat     func(synth.Heartbeat) engine.HeartbeatResult
	reported func(reducer.Event) (engine.ReportReply, error)
	dispatch func(context.Context, states.Host, time.Duration) (engine.Dispatch, bool, error)
	explain  func(states.Host) (engine.Explanation, error)
	fleet    func() (engine.Overview, error)

	mu     sync.Mutex
	beats  []synth.Heartbeat
	events []reducer.Event
}

var (
	_ httpapi.Engine = (*stub)(nil)
	_ httpapi.Engine = (*engine.Engine)(nil)
)

func (s *stub) Heartbeats(_ context.Context, hbs []synth.Heartbeat) []engine.HeartbeatResult {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beats = append(s.beats, hbs...)
	out := make([]engine.HeartbeatResult, len(hbs))
	for i, hb := range hbs {
		if s.beat != nil {
			out[i] = s.beat(hb)
		} else {
			out[i].Reply.ReceivedAt = noon
		}
	}
	return out
}

func (s *stub) Report(_ context.Context, in engine.Report) (engine.ReportReply, error) {
	ev := in.Event
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, ev)
	if s.reported != nil {
		return s.reported(ev)
	}
	return engine.ReportReply{Disposition: reducer.Applied}, nil
}

func (s *stub) Dispatch(ctx context.Context, host states.Host, wait time.Duration) (engine.Dispatch, bool, error) {
	return s.dispatch(ctx, host, wait)
}

func (s *stub) Explain(_ context.Context, host states.Host) (engine.Explanation, error) {
	return s.explain(host)
}

func (s *stub) Fleet(context.Context) (engine.Overview, error) { return s.fleet() }

// noon is the time of most messages here.
var noon = states.TimeOf(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))

var release = states.Rollout{Channel: "stable", Ref: "a1b2c3d4"}

// named returns the state of a connection whose client certificate was
// verified to bear the names, the common name first.
func named(names ...string) *tls.ConnectionState {
	leaf := &x509.Certificate{Subject: pkix.Name{CommonName: names[0]}, DNSNames: names[1:]}
	return &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{leaf}}}
}

// request makes an agent's request without a network.
func request(method, path string, body []byte, conn *tls.ConnectionState) *http.Request {
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	r.Header.Set(httpapi.HeaderProtocol, httpapi.Protocol)
	r.TLS = conn
	return r
}

// serve gives a request to a handler.
func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// post sends web-1's body to an agent route.
func post(h http.Handler, path, body string) *httptest.ResponseRecorder {
	return serve(h, request(http.MethodPost, path, []byte(body), named("web-1")))
}

// tripper is a transport that asks a function.
type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// clientOf returns web-1's client of a handler, without a network.
func clientOf(h http.Handler) *httpapi.Client {
	return &httpapi.Client{Base: "https://control", Host: "web-1", HTTP: &http.Client{
		Transport: tripper(func(r *http.Request) (*http.Response, error) {
			r.TLS = named("web-1")
			return serve(h, r).Result(), nil
		}),
	}}
}

// saying returns web-1's client of a server that always answers with this.
func saying(status int, header http.Header, body []byte) *httpapi.Client {
	return &httpapi.Client{Base: "https://control", Host: "web-1", HTTP: &http.Client{
		Transport: tripper(func(*http.Request) (*http.Response, error) {
			if header == nil {
				header = http.Header{}
			}
			return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(bytes.NewReader(body))}, nil
		}),
	}}
}

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return authority{cert: cert, key: key, pool: pool}
}

// issue signs a certificate, good for a client and for a server on loopback.
func (a authority) issue(t *testing.T, commonName string, dns ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: commonName}, DNSNames: dns,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, &key.PublicKey, a.key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// controlPlane is the handler behind real mutual TLS on loopback.
type controlPlane struct {
	authority
	*http.Server
	url string
}

// listen starts one. adjust may change the server before it starts.
func listen(t *testing.T, h http.Handler, adjust func(*http.Server)) controlPlane {
	t.Helper()
	ca := newAuthority(t)
	srv, err := httpapi.Server("", &tls.Config{
		Certificates: []tls.Certificate{ca.issue(t, "control", "control")},
		ClientCAs:    ca.pool,
	}, h)
	require.NoError(t, err)
	srv.ErrorLog = log.New(io.Discard, "", 0)
	if adjust != nil {
		adjust(srv)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- srv.ServeTLS(ln, "", "") }()
	t.Cleanup(func() {
		_ = srv.Close()
		require.ErrorIs(t, <-ended, http.ErrServerClosed)
	})
	return controlPlane{authority: ca, Server: srv, url: "https://" + ln.Addr().String()}
}

// protocols are the versions of HTTP that agents come with.
var protocols = map[string]bool{"HTTP/1.1": false, "HTTP/2": true}

// client returns a client with a certificate of its own; without certs it
// presents none.
func (c controlPlane) client(t *testing.T, http2 bool, host states.Host, certs ...tls.Certificate) *httpapi.Client {
	t.Helper()
	tr := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: c.pool, ServerName: "control", Certificates: certs},
		ForceAttemptHTTP2: http2,
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &httpapi.Client{Base: c.url, Host: host, HTTP: &http.Client{Transport: tr}}
}
