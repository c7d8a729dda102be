package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/rollmend/rollmend/adapters/httpapi"
	"github.com/rollmend/rollmend/adapters/manifest"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/examples/certs"
	"github.com/rollmend/rollmend/gates"
)

// wallClock is the control plane's clock.
type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

// lookForManifest is how often the control plane looks whether another
// manifest was published.
const lookForManifest = 20 * time.Millisecond

// runControlPlane is the control plane's process: an engine on a database,
// the agents' routes, the operator's, and the manifest that is published in a
// file.
func runControlPlane(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet(roleControlPlane, flag.ExitOnError)
	kind := flags.String("store", "", "what the database is")
	database := flags.String("database", "", "where it is")
	shared := flags.Bool("shared", false, "there are other control planes on it")
	witnessed := flags.String("witness", "", "the folder to write down in what was committed")
	published := flags.String("manifest", "", "the manifest file")
	keys := flags.String("certs", "", "the folder of certificates")
	agents := flags.String("agents", "", "the address of the agents' routes")
	operator := flags.String("operator", "", "the address of the operator's routes")
	cycle := flags.Duration("cycle", 0, "the time between two heartbeats of a host")
	if err := flags.Parse(args); err != nil {
		return err
	}
	known, err := storeNamed(*kind)
	if err != nil {
		return err
	}
	store, err := known.open(ctx, *database)
	if err != nil {
		return err
	}
	defer store.Close()
	watched, err := openWitness(store, *witnessed)
	if err != nil {
		return err
	}
	eng, err := engine.New(ctx, engine.Options{Store: watched, Clock: wallClock{}, Cycle: *cycle, Shared: *shared})
	if err != nil {
		return err
	}
	defer eng.Close()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	failed := make(chan error, 3)
	go func() { failed <- follow(ctx, eng, *published, longestSoak(*cycle), log) }()
	go func() { failed <- serve(*agents, *keys, httpapi.Agent(eng, httpapi.Options{Log: log})) }()
	go func() { failed <- serve(*operator, *keys, forOperator(httpapi.Operator(eng))) }()
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

func serve(addr, keys string, h http.Handler) error {
	cfg, err := certs.Load(keys, serverName)
	if err != nil {
		return err
	}
	server, err := httpapi.Server(addr, cfg, h)
	if err != nil {
		return err
	}
	server.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // killed clients are nothing to tell
	return server.ListenAndServeTLS("", "")
}

// forOperator lets nobody in but the operator: every host has a certificate of
// the same authority.
func forOperator(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || r.TLS.PeerCertificates[0].Subject.CommonName != operatorName {
			http.Error(w, "for the operator alone", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// follow loads the manifest, and each one that is published after it. Its soaks
// are shortened so that none is longer than soak.
func follow(ctx context.Context, eng *engine.Engine, path string, soak time.Duration, log *slog.Logger) error {
	var loaded []byte
	for {
		b, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("manifest: %w", err)
		}
		if !bytes.Equal(b, loaded) {
			m, err := manifest.Parse(b)
			if err != nil {
				return fmt.Errorf("%s: %w", filepath.Base(path), err)
			}
			done, err := eng.Load(ctx, gates.NewFleet(scaleSoaks(m.Plan(), soak)))
			if err != nil {
				return err
			}
			loaded = b
			log.Info("manifest loaded", "ref", m.Plan().Ref, "opened", done.Opened, "already", done.Already)
		}
		select {
		case <-ctx.Done():
			return errors.New("ended")
		case <-time.After(lookForManifest):
		}
	}
}

// longestSoak is what the manifest's longest soak becomes: hosts soak for a good
// part of a cycle, and no longer.
func longestSoak(cycle time.Duration) time.Duration { return cycle * 3 / 5 }

// scaleSoaks shortens a plan's soaks, all by the same factor: manifests count in
// minutes, and a demonstration has not that many.
func scaleSoaks(plan gates.Plan, most time.Duration) gates.Plan {
	longest := time.Duration(0)
	for _, h := range plan.Hosts {
		longest = max(longest, h.Policy.Soak)
	}
	if longest <= most {
		return plan
	}
	hosts := make([]gates.PlannedHost, len(plan.Hosts))
	for i, h := range plan.Hosts {
		h.Policy.Soak = time.Duration(float64(h.Policy.Soak) * float64(most) / float64(longest)).Truncate(time.Millisecond)
		hosts[i] = h
	}
	plan.Hosts = hosts
	return plan
}
