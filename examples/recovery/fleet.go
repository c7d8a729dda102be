package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/rollmend/rollmend/adapters/manifest"
	"github.com/rollmend/rollmend/examples/certs"
	"github.com/rollmend/rollmend/examples/recovery/host"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

// fleet is everything that runs: the control plane, and the hosts.
type fleet struct {
	dir      string
	manifest []byte // as it was given; published with other refs and targets
	plan     gates.Plan
	ref      states.Ref // that is published
	cycle    time.Duration
	members  []*member // sorted by name
	byName   map[states.Host]*member

	kind     storeKind
	database database
	replicas []*replica  // the control planes: one, or several on the same database
	started  states.Time // when one of them was last started
}

// member is one host.
type member struct {
	gates.PlannedHost
	first  bool // of the first generation
	folder host.Folder
	agent  *child
	off    bool // switched off for good
	boots  int
	kernel int // the newest that was published for it
	diary  diary
}

// firstEvery is how often an agent is one of the first generation.
const firstEvery = 4

// newFleet prepares a fleet in a folder; nothing runs yet.
func newFleet(dir string, content []byte, opts storyOptions, rng *rand.Rand) (*fleet, error) {
	m, err := manifest.Parse(content)
	if err != nil {
		return nil, err
	}
	f := &fleet{dir: dir, manifest: content, plan: m.Plan(), byName: map[states.Host]*member{}, cycle: opts.cycle}
	for _, sub := range []string{"control-plane", "cache", "logs", "hosts"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, fmt.Errorf("recovery: %w", err)
		}
	}
	for i, planned := range f.plan.Hosts {
		one := &member{
			PlannedHost: planned,
			first:       i%firstEvery == firstEvery-1,
			folder:      host.Folder(filepath.Join(dir, "hosts", string(planned.Host))),
		}
		one.diary.path = one.folder.DiaryPath()
		if err := one.folder.Make(); err != nil {
			return nil, err
		}
		f.members = append(f.members, one)
		f.byName[planned.Host] = one
	}
	if err := f.addReplicas(opts.replicas, rng); err != nil {
		return nil, err
	}
	return f, f.certify()
}

// The names in the certificates that are no host's.
const (
	serverName   = "control-plane"
	operatorName = "operator"
)

// certify makes the certificates of everybody.
func (f *fleet) certify() error {
	ca, err := certs.NewAuthority(f.certs())
	if err != nil {
		return err
	}
	if err := ca.Server(serverName); err != nil {
		return err
	}
	names := []string{operatorName}
	for _, m := range f.members {
		names = append(names, string(m.Host))
	}
	for _, name := range names {
		if err := ca.Client(name); err != nil {
			return err
		}
	}
	cfg, err := certs.Load(f.certs(), operatorName)
	if err != nil {
		return err
	}
	for _, r := range f.replicas {
		r.operator = &operator{
			base:   "https://" + r.at,
			client: &http.Client{Transport: &http.Transport{TLSClientConfig: cfg}},
		}
	}
	return nil
}

// freeAddr finds an address on loopback that nobody listens on and that no
// outgoing connection is given by chance while the control plane is down:
// systems take those from 32768 up. Runs at the same time, of the same seed, look
// elsewhere each.
func freeAddr(rng *rand.Rand) (string, error) {
	const from, ports, tries = 20_000, 10_000, 100
	var last error
	for range tries {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(from+(rng.IntN(ports)+os.Getpid())%ports))
		l, err := net.Listen("tcp", addr)
		if err == nil {
			return addr, l.Close()
		}
		last = err
	}
	return "", fmt.Errorf("recovery: no free port: %w", last)
}

func (f *fleet) certs() string   { return filepath.Join(f.dir, "certs") }
func (f *fleet) cache() string   { return filepath.Join(f.dir, "cache") }
func (f *fleet) witness() string { return filepath.Join(f.dir, "control-plane", "committed") }
func (f *fleet) published() string {
	return filepath.Join(f.dir, "control-plane", "fleet.resolved.json")
}

// publish brings builds into the cache, and a manifest with a new ref and
// these targets to the control plane. The other hosts keep the targets that
// they have.
func (f *fleet) publish(ref states.Ref, targets map[states.Host]build) error {
	closures := map[states.Host]states.Closure{}
	for _, m := range f.members {
		if b, ok := targets[m.Host]; ok && m.Target.Known() {
			if err := b.put(f.cache()); err != nil {
				return err
			}
			m.Target = b.closure()
		}
		closures[m.Host] = m.Target
	}
	content, err := rewriteManifest(f.manifest, ref, closures)
	if err != nil {
		return err
	}
	f.ref = ref
	temp := f.published() + ".new"
	if err := os.WriteFile(temp, content, 0o644); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if err := os.Rename(temp, f.published()); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

// start starts a host's agent.
func (f *fleet) start(m *member) (err error) {
	args := []string{
		roleAgent,
		"-host", string(m.Host), "-folder", string(m.folder), "-cache", f.cache(), "-certs", f.certs(),
		"-control-planes", f.agentsAt(),
		"-on-failure", m.Policy.OnFailure.String(), "-cycle", f.cycle.String(),
	}
	if m.first {
		args = append(args, "-first-generation")
	}
	m.agent, err = startChild(filepath.Join(f.dir, "logs", string(m.Host)), args...)
	return err
}

// install makes a host that runs a build, and has been booted into it.
func (f *fleet) install(m *member, b build) error {
	if err := b.put(f.cache()); err != nil {
		return err
	}
	profile := m.folder.Profile()
	if err := profile.Fetch(f.cache(), b.closure()); err != nil {
		return err
	}
	if err := profile.Switch(b.closure()); err != nil {
		return err
	}
	return f.boot(m)
}

// boot gives the host another boot, which activates what is staged.
func (f *fleet) boot(m *member) error {
	m.boots++
	return m.folder.Boot(fmt.Sprintf("%s-boot-%d", m.Host, m.boots))
}

// reboot ends everything on a host at once, and boots it.
func (f *fleet) reboot(m *member) error {
	m.agent.kill()
	if err := f.boot(m); err != nil {
		return err
	}
	return f.start(m)
}

// living returns the hosts that are not switched off for good.
func (f *fleet) living() []*member {
	var out []*member
	for _, m := range f.members {
		if !m.off {
			out = append(out, m)
		}
	}
	return out
}

// failures tells of processes that ended by themselves.
func (f *fleet) failures() []string {
	var out []string
	for _, r := range f.replicas {
		if r.process != nil {
			if why := r.process.failed(); why != "" {
				out = append(out, f.nameOf(r)+": "+why)
			}
		}
	}
	for _, m := range f.members {
		if m.agent != nil {
			if why := m.agent.failed(); why != "" {
				out = append(out, string(m.Host)+": "+why)
			}
		}
	}
	return out
}

// stop ends every process.
func (f *fleet) stop() {
	f.killControl()
	for _, m := range f.members {
		m.agent.kill()
	}
}

func (f *fleet) rollout(channel states.Channel) states.Rollout {
	return states.Rollout{Channel: channel, Ref: f.ref}
}
