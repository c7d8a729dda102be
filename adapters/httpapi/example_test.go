package httpapi_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/rollmend/rollmend/adapters/httpapi"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
)

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

// A control plane mounts the agent routes under mutual TLS, and the operator's
// where it guards its other pages.
func Example() {
	e, err := engine.New(context.Background(), engine.Options{Store: memory.New(), Clock: systemClock{}, Cycle: time.Minute})
	if err != nil {
		log.Fatal(err)
	}
	defer e.Close()
	plan := gates.Plan{Ref: "a1b2", Hosts: []gates.PlannedHost{{Host: "web-1", Channel: "stable", Target: "sha256:new"}}}
	if _, err := e.Load(context.Background(), gates.NewFleet(plan)); err != nil {
		log.Fatal(err)
	}

	agents := http.NewServeMux()
	agents.Handle("/v1/agent/", httpapi.Agent(e, httpapi.Options{}))
	srv, err := httpapi.Server(":8443", &tls.Config{ClientCAs: x509.NewCertPool()}, agents)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("agents on", srv.Addr) // and then srv.ListenAndServeTLS(certFile, keyFile)

	pages := http.NewServeMux()
	pages.Handle("/rollouts/", guarded(http.StripPrefix("/rollouts", httpapi.Operator(e))))
	w := httptest.NewRecorder()
	pages.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/rollouts/v1/fleet", nil))
	fmt.Println(strings.Contains(w.Body.String(), `"rolloutId":"stable@a1b2","state":"Open","hosts":1`))
	// Output:
	// agents on :8443
	// true
}

// guarded stands for what the embedder has to tell operators from others.
func guarded(h http.Handler) http.Handler { return h }
