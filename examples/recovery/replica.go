package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
)

// replica is one of the control planes, which share a database.
type replica struct {
	agents   string // the address of the agents' routes
	operator *operator
	at       string // the address of the operator's routes
	process  *child
}

// addReplicas chooses the addresses of so many control planes.
func (f *fleet) addReplicas(n int, rng *rand.Rand) (err error) {
	for range n {
		r := &replica{}
		if r.agents, err = freeAddr(rng); err != nil {
			return err
		}
		if r.at, err = freeAddr(rng); err != nil {
			return err
		}
		f.replicas = append(f.replicas, r)
	}
	return nil
}

// startControl starts every control plane, on whatever the database holds.
func (f *fleet) startControl() error {
	for _, r := range f.replicas {
		if err := f.startReplica(r); err != nil {
			return err
		}
	}
	return nil
}

func (f *fleet) startReplica(r *replica) (err error) {
	args := []string{
		roleControlPlane,
		"-store", f.kind.name, "-database", f.database.place(), "-witness", f.witness(),
		"-manifest", f.published(), "-certs", f.certs(), "-agents", r.agents, "-operator", r.at,
		"-cycle", f.cycle.String(),
	}
	if len(f.replicas) > 1 {
		args = append(args, "-shared")
	}
	f.started = nowTime()
	r.process, err = startChild(filepath.Join(f.dir, "logs", strings.ReplaceAll(f.nameOf(r), " ", "-")), args...)
	return err
}

// nameOf names a control plane.
func (f *fleet) nameOf(r *replica) string {
	if len(f.replicas) == 1 {
		return "control plane"
	}
	return fmt.Sprintf("control plane %d", 1+slices.Index(f.replicas, r))
}

// killControl kills every control plane.
func (f *fleet) killControl() {
	for _, r := range f.replicas {
		r.process.kill()
	}
}

// control names all of them in a sentence.
func (f *fleet) control(one, several string) string {
	if len(f.replicas) == 1 {
		return "the control plane " + one
	}
	return fmt.Sprintf("all %d control planes %s", len(f.replicas), several)
}

// agentsAt is where agents find the control planes.
func (f *fleet) agentsAt() string {
	var out []string
	for _, r := range f.replicas {
		out = append(out, r.agents)
	}
	return strings.Join(out, ",")
}

// roaming sends each request to the next of several control planes, as a
// balancer in front of them does: two beats of a host go to different ones.
type roaming struct {
	to   []string // addresses
	next atomic.Uint32
	by   http.RoundTripper
}

// RoundTrip implements [http.RoundTripper]. Where nobody listens nothing was
// sent, and the next one is tried.
func (r *roaming) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	for range r.to {
		addr := r.to[int(r.next.Add(1))%len(r.to)]
		try := req.Clone(req.Context())
		try.URL.Host, try.Host = addr, addr
		if req.GetBody != nil {
			if try.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
		}
		resp, err = r.by.RoundTrip(try)
		if err == nil || !neverSent(err) {
			break
		}
	}
	if req.Body != nil {
		_ = req.Body.Close()
	}
	return resp, err
}

// neverSent reports whether an error is that of making a connection.
func neverSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
