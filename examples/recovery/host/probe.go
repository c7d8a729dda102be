package host

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// A closure says in its file "probes" which probes it has, one a line, "name
// mode"; the file "NAME.probe" is what the probe looks at: "ok" passes, and
// anything else is the reason why it fails.

// Probes returns the probes that the running closure declares. One without
// the file has none.
func (p Profile) Probes() ([]reducer.Declaration, error) {
	b, err := p.File("probes")
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	var out []reducer.Declaration
	for line := range strings.Lines(string(b)) {
		name, mode, _ := strings.Cut(strings.TrimSpace(line), " ")
		m, err := states.ParseMode(mode)
		if err != nil {
			return nil, fmt.Errorf("host: probe %q: %w", name, err)
		}
		out = append(out, reducer.Declaration{Name: name, Kind: "file", Mode: m})
	}
	return out, nil
}

// RunProbe looks at the running closure; the reason says why the probe fails.
func (p Profile) RunProbe(name string) (states.Status, string) {
	b, err := p.File(name + ".probe")
	switch {
	case err != nil:
		return states.Fail, err.Error()
	case b == nil:
		return states.Fail, "there is nothing to look at"
	}
	if found := string(bytes.TrimSpace(b)); found != "ok" {
		return states.Fail, found
	}
	return states.Pass, ""
}
