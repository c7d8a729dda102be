package main

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"path/filepath"

	"github.com/rollmend/rollmend/adapters/httpapi"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/examples/certs"
)

// relayName is what the relays' certificates are issued to.
const relayName = "relay"

// server is the agents' routes over HTTPS on loopback.
type server struct {
	http  *http.Server
	url   string
	certs string
	auth  *certs.Authority
}

// serve answers for an engine, and on other routes with others' handlers.
func serve(dir string, e *engine.Engine, others map[string]http.Handler) (*server, error) {
	s := &server{certs: filepath.Join(dir, "certs")}
	var err error
	if s.auth, err = certs.NewAuthority(s.certs); err != nil {
		return nil, err
	}
	if err := s.auth.Server("server"); err != nil {
		return nil, err
	}
	config, err := certs.Load(s.certs, "server")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", httpapi.Agent(e, httpapi.Options{Relays: func(name string) bool { return name == relayName }}))
	for path, h := range others {
		mux.Handle(path, h)
	}
	if s.http, err = httpapi.Server("", config, mux); err != nil {
		return nil, err
	}
	s.http.ErrorLog = log.New(io.Discard, "", 0) // connections that clients give up
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.url = "https://" + listener.Addr().String()
	go func() { _ = s.http.ServeTLS(listener, "", "") }()
	return s, nil
}

func (s *server) close() { _ = s.http.Close() }

// client returns a client with one connection, which bears a certificate of
// that name.
func (s *server) client(name string) (*http.Client, error) {
	if err := s.auth.Client(name); err != nil {
		return nil, err
	}
	config, err := certs.Load(s.certs, name)
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: config, MaxConnsPerHost: 1, ForceAttemptHTTP2: false,
		TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
	}}, nil
}

// post sends one request, and returns the status and the header of its answer.
// What that says goes into a writer.
func post(ctx context.Context, c *http.Client, url string, body io.Reader, into io.Writer) (int, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set(httpapi.HeaderProtocol, httpapi.Protocol)
	resp, err := c.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(into, resp.Body)
	return resp.StatusCode, resp.Header, err
}
