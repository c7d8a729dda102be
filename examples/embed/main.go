// Command embed is the smallest control plane: it keeps its records in a SQLite
// file, reads the fleet from a manifest, and serves the agents over mutual TLS.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/httpapi"
	"github.com/rollmend/rollmend/adapters/manifest"
	"github.com/rollmend/rollmend/adapters/sqlite"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, ":8443"); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends. It finds in the working directory what it needs:
// the manifest, its own certificate, and the authority of the hosts'.
func run(ctx context.Context, addr string) error {
	store, err := sqlite.OpenFile(ctx, "rollmend.db")
	if err != nil {
		return err
	}
	defer store.Close()
	eng, err := engine.New(ctx, engine.Options{Store: store, Clock: adapters.WallClock{}, Cycle: time.Minute})
	if err != nil {
		return err
	}
	defer eng.Close()

	fleet, err := manifest.Load("fleet.resolved.json")
	if err != nil {
		return err
	}
	if _, err := eng.Load(ctx, gates.NewFleet(fleet.Plan())); err != nil {
		return err
	}

	ca, err := os.ReadFile("ca.pem")
	if err != nil {
		return err
	}
	hosts := x509.NewCertPool()
	hosts.AppendCertsFromPEM(ca)
	server, err := httpapi.Server(addr, &tls.Config{ClientCAs: hosts}, httpapi.Agent(eng, httpapi.Options{}))
	if err != nil {
		return err
	}
	go func() { <-ctx.Done(); _ = server.Close() }()
	if err := server.ListenAndServeTLS("server.pem", "server.key.pem"); err != http.ErrServerClosed {
		return err
	}
	return nil
}
