package httpapi

import (
	"crypto/tls"
	"errors"
	"net/http"
	"time"
)

// The timeouts of [Server].
const (
	headerTimeout = 10 * time.Second // a request's header: one packet
	bodyTimeout   = time.Minute      // a request and its answer; a batch over a slow line is the longest
	idleTimeout   = 3 * time.Minute  // between requests: longer than a cycle, so that a beat finds its connection
	maxHeader     = 16 << 10         // bytes; agents send a few hundred
)

// ErrNoClientCAs says that the authorities of client certificates are missing.
// Without them the machine's own list would count, and with it a certificate
// that anybody can buy.
var ErrNoClientCAs = errors.New("httpapi: tls.Config.ClientCAs is needed: the authorities that sign the hosts' certificates")

// Server returns a server for [Agent], to be started with ListenAndServeTLS or
// ServeTLS. It demands and verifies a client certificate, and its timeouts
// suit agents: the long poll lifts them for itself. cfg is not changed; the
// error is [ErrNoClientCAs].
//
// Shutdown waits for long polls; close the engine first, and they end.
func Server(addr string, cfg *tls.Config, h http.Handler) (*http.Server, error) {
	if cfg == nil || cfg.ClientCAs == nil && cfg.GetConfigForClient == nil {
		return nil, ErrNoClientCAs
	}
	cfg = cfg.Clone()
	if cfg.ClientAuth == tls.NoClientCert {
		cfg.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return &http.Server{
		Addr:              addr,
		Handler:           h,
		TLSConfig:         cfg,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       bodyTimeout,
		WriteTimeout:      bodyTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
	}, nil
}
