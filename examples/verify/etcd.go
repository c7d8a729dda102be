package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/etcd"
)

// cluster says how a store in etcd is found.
type cluster struct {
	prefix        string
	ca, cert, key string // files; none of them: the servers do without
}

// open opens the store.
func (c cluster) open(ctx context.Context, members []string) (adapters.Store, func(), error) {
	o := etcd.Options{Prefix: c.prefix}
	if c.ca == "" && c.cert == "" && c.key == "" {
		s, err := etcd.OpenEndpoints(ctx, members, o)
		if err != nil {
			return nil, nil, err
		}
		return s, func() { _ = s.Close() }, nil
	}
	config, err := c.tls()
	if err != nil {
		return nil, nil, err
	}
	if err := shakeHands(ctx, members, config); err != nil {
		return nil, nil, err
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: members, TLS: config, Logger: zap.NewNop()})
	if err != nil {
		return nil, nil, err
	}
	s, err := etcd.Open(ctx, client, o)
	if err != nil {
		_ = client.Close()
		return nil, nil, err
	}
	return s, func() {
		_ = s.Close()
		_ = client.Close()
	}, nil
}

const (
	handsWithin = 5 * time.Second // a member that is silent for so long is not reached
	refusedIn   = time.Second     // how long after the handshake a member may refuse our certificate
)

// shakeHands says why certificates do not fit, which the client would try again
// and again until the time is over. One member that takes them is enough.
func shakeHands(ctx context.Context, members []string, config *tls.Config) error {
	config = config.Clone()
	config.NextProtos = []string{"h2"}
	var failed []error
	for _, member := range members {
		err := shakeHand(ctx, member, config)
		if err == nil {
			return nil
		}
		failed = append(failed, fmt.Errorf("%s: %w", member, err))
	}
	return fmt.Errorf("no member could be talked to (see -cacert, -cert and -key): %w", errors.Join(failed...))
}

func shakeHand(ctx context.Context, member string, config *tls.Config) error {
	ctx, cancel := context.WithTimeout(ctx, handsWithin)
	defer cancel()
	dialer := tls.Dialer{Config: config}
	conn, err := dialer.DialContext(ctx, "tcp", member)
	if err != nil {
		return err
	}
	defer conn.Close()
	// A certificate that is refused is told behind the handshake.
	if err := conn.SetReadDeadline(time.Now().Add(refusedIn)); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}

// tls reads the certificates.
func (c cluster) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.cert != "" || c.key != "" {
		pair, err := tls.LoadX509KeyPair(c.cert, c.key)
		if err != nil {
			return nil, fmt.Errorf("-cert and -key: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	if c.ca == "" {
		return config, nil // the machine's own authorities
	}
	text, err := os.ReadFile(c.ca)
	if err != nil {
		return nil, fmt.Errorf("-cacert: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("-cacert: %s has no certificate", c.ca)
	}
	return config, nil
}
