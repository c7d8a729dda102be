package gates

import (
	"strings"

	"github.com/rollmend/rollmend/states"
)

// namedHosts bounds how many hosts a block names: a line for an operator, not
// a list of the fleet.
const namedHosts = 5

// crowd is a set of hosts in which each counts once however often it joined.
// Joining and leaving cost the same whatever its size, and its order depends on
// nothing but the calls.
type crowd struct {
	index map[states.Host]member
	hosts []states.Host
}

type member struct {
	place int // in hosts
	times int // how often it joined
}

func (c *crowd) size() int { return len(c.hosts) }

func (c *crowd) has(host states.Host) bool {
	_, ok := c.index[host]
	return ok
}

// others returns how many hosts but one there are.
func (c *crowd) others(host states.Host) int {
	if c.has(host) {
		return len(c.hosts) - 1
	}
	return len(c.hosts)
}

func (c *crowd) join(host states.Host) {
	if c.index == nil {
		c.index = map[states.Host]member{}
	}
	m, ok := c.index[host]
	if !ok {
		m.place = len(c.hosts)
		c.hosts = append(c.hosts, host)
	}
	m.times++
	c.index[host] = m
}

// leave takes back one joining, and reports whether the host is gone by it.
func (c *crowd) leave(host states.Host) bool {
	m, ok := c.index[host]
	if !ok {
		return false
	}
	if m.times--; m.times > 0 {
		c.index[host] = m
		return false
	}
	last := len(c.hosts) - 1
	moved := c.hosts[last]
	c.hosts[m.place] = moved
	c.hosts = c.hosts[:last]
	c.index[moved] = member{place: m.place, times: c.index[moved].times}
	delete(c.index, host) // behind the last one's move: it may be the last one
	return true
}

// names lists the first few hosts but one.
func (c *crowd) names(but states.Host) string {
	var names []string
	for _, host := range c.hosts {
		if host == but {
			continue
		}
		if len(names) == namedHosts {
			names = append(names, "...")
			break
		}
		names = append(names, string(host))
	}
	if len(names) == 0 {
		return "those let through in this pass"
	}
	return strings.Join(names, ", ")
}
