package main

import (
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rollmend/rollmend/states"
)

// ownManifest is the fleet that the program plays with unless it is given
// another one.
//
//go:embed fleet.resolved.json
var ownManifest []byte

// build describes a closure: what is in its folder is all that it is.
type build struct {
	version string
	kernel  string // another one than runs cannot be switched to without a boot
	health  string // what the health probe finds; "ok" passes
}

// files returns what the closure's folder holds.
func (b build) files() map[string]string {
	return map[string]string{
		"version":      b.version + "\n",
		"critical":     "kernel\n" + b.kernel + "\n",
		"probes":       "health enforce\ntidy observe\n",
		"health.probe": b.health + "\n",
		"tidy.probe":   "some old logs lie about\n", // observed, so it keeps nobody
	}
}

// closure names the build by its content, as a store path does.
func (b build) closure() states.Closure {
	sum := sha256.Sum256(fmt.Appendf(nil, "%v", b.files()))
	return states.Closure(fmt.Sprintf("%x-%s", sum[:4], b.version))
}

// put writes the build into a cache of closures, if it is not there.
func (b build) put(cache string) error {
	dir := filepath.Join(cache, string(b.closure()))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	for name, content := range b.files() {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return fmt.Errorf("cache: %w", err)
		}
	}
	return nil
}

// rewriteManifest returns a manifest with another ref and other targets; what
// else is in it stays as it is written. Hosts that have no target stay without.
func rewriteManifest(manifest []byte, ref states.Ref, targets map[states.Host]states.Closure) ([]byte, error) {
	var doc map[string]json.RawMessage
	var hosts map[states.Host]map[string]json.RawMessage
	meta := map[string]json.RawMessage{}
	if err := json.Unmarshal(manifest, &doc); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if err := json.Unmarshal(doc["hosts"], &hosts); err != nil {
		return nil, fmt.Errorf("manifest: hosts: %w", err)
	}
	if doc["meta"] != nil {
		if err := json.Unmarshal(doc["meta"], &meta); err != nil {
			return nil, fmt.Errorf("manifest: meta: %w", err)
		}
	}
	for name, h := range hosts {
		if target, ok := targets[name]; ok && h["closureHash"] != nil {
			h["closureHash"] = quoted(string(target))
		}
	}
	meta["ciCommit"] = quoted(string(ref))
	meta["signedAt"] = quoted(time.Now().UTC().Format(time.RFC3339Nano))
	doc["hosts"], doc["meta"] = asJSON(hosts), asJSON(meta)
	return json.MarshalIndent(doc, "", "  ")
}

// multiply returns a manifest with at least so many hosts: copies of the last
// host of each channel's last wave, in the same wave.
func multiply(manifest []byte, atLeast int) ([]byte, error) {
	var doc map[string]json.RawMessage
	var hosts map[string]map[string]json.RawMessage
	var waves map[string][]map[string]json.RawMessage
	if err := json.Unmarshal(manifest, &doc); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if err := json.Unmarshal(doc["hosts"], &hosts); err != nil {
		return nil, fmt.Errorf("manifest: hosts: %w", err)
	}
	if err := json.Unmarshal(doc["waves"], &waves); err != nil {
		return nil, fmt.Errorf("manifest: waves: %w", err)
	}
	var grows []string // the channels whose last wave has a host
	members := map[string][]string{}
	for channel, list := range waves {
		if len(list) == 0 {
			continue
		}
		var names []string
		if err := json.Unmarshal(list[len(list)-1]["hosts"], &names); err != nil {
			return nil, fmt.Errorf("manifest: waves of %s: %w", channel, err)
		}
		if len(names) > 0 {
			grows, members[channel] = append(grows, channel), names
		}
	}
	slices.Sort(grows)
	for i := 0; len(hosts) < atLeast && len(grows) > 0; i++ {
		channel := grows[i%len(grows)]
		first := members[channel][len(members[channel])-1]
		name := fmt.Sprintf("%s-%d", strings.TrimRight(first, "-0123456789"), 100+i)
		hosts[name] = hosts[first]
		members[channel] = append(members[channel], name)
	}
	for _, channel := range grows {
		list := waves[channel]
		list[len(list)-1]["hosts"] = asJSON(members[channel])
	}
	doc["hosts"], doc["waves"] = asJSON(hosts), asJSON(waves)
	return json.Marshal(doc)
}

// quoted returns a JSON string; asJSON a value that came from JSON or is made
// of strings, which cannot fail.
func quoted(s string) json.RawMessage { return asJSON(s) }

func asJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("recovery: %T does not fit into JSON: %v", v, err))
	}
	return b
}
