package manifest

import (
	"fmt"
	"slices"
	"strings"
)

// maxSelectorDepth bounds how deep selectors nest: nobody can read deeper ones.
const maxSelectorDepth = 16

// selector picks hosts. A host must meet every field that is given; an empty
// list and a false All are not given. A selector in which nothing is given
// selects nothing.
type selector struct {
	Tags    []string    `json:"tags"`    // the host has all of them
	TagsAny []string    `json:"tagsAny"` // the host has at least one of them
	Hosts   []string    `json:"hosts"`   // the host is one of them; sorted by prepare
	Channel string      `json:"channel"` // the host is of it
	All     bool        `json:"all"`     // every host
	And     []*selector `json:"and"`     // each of them selects the host
	Not     *selector   `json:"not"`     // it does not select the host
}

// prepare makes a selector ready to be asked about many hosts.
func (s *selector) prepare() {
	slices.Sort(s.Hosts)
	for _, sub := range s.And {
		if sub != nil {
			sub.prepare()
		}
	}
	if s.Not != nil {
		s.Not.prepare()
	}
}

func (s *selector) empty() bool {
	return len(s.Tags) == 0 && len(s.TagsAny) == 0 && len(s.Hosts) == 0 && s.Channel == "" && !s.All && len(s.And) == 0 && s.Not == nil
}

// selects reports whether a host meets a selector that was prepared.
func (s *selector) selects(name string, h host) bool {
	if s == nil || s.empty() {
		return false
	}
	has := func(tag string) bool { return slices.Contains(h.Tags, tag) }
	lacks := func(tag string) bool { return !has(tag) }
	if slices.ContainsFunc(s.Tags, lacks) ||
		len(s.TagsAny) > 0 && !slices.ContainsFunc(s.TagsAny, has) ||
		s.Channel != "" && s.Channel != h.Channel {
		return false
	}
	if _, named := slices.BinarySearch(s.Hosts, name); len(s.Hosts) > 0 && !named {
		return false
	}
	for _, sub := range s.And {
		if !sub.selects(name, h) {
			return false
		}
	}
	return s.Not == nil || !s.Not.selects(name, h)
}

// String renders the selector for people.
func (s *selector) String() string {
	if s == nil {
		return "nothing"
	}
	var parts []string
	add := func(given bool, part string) {
		if given {
			parts = append(parts, part)
		}
	}
	add(s.All, "all hosts")
	add(s.Channel != "", "channel "+s.Channel)
	add(len(s.Tags) > 0, "tagged "+strings.Join(s.Tags, " and "))
	add(len(s.TagsAny) > 0, "tagged "+strings.Join(s.TagsAny, " or "))
	add(len(s.Hosts) > 0, "hosts "+some(s.Hosts))
	for _, sub := range s.And {
		parts = append(parts, "("+sub.String()+")")
	}
	if s.Not != nil {
		parts = append(parts, "not ("+s.Not.String()+")")
	}
	return strings.Join(parts, ", ")
}

// checkSelector refuses a selector that selects nothing whatever the fleet, and
// warns of names that no host answers to.
func (r *reader) checkSelector(path string, s *selector, depth int) (ok bool) {
	switch {
	case s == nil || s.empty():
		r.fault(path, `an empty selector selects nothing: give tags, tagsAny, hosts, channel, and, not, or "all": true`)
		return false
	case depth == maxSelectorDepth:
		r.fault(path, fmt.Sprintf("selectors nest deeper than %d", maxSelectorDepth))
		return false
	}
	if _, known := r.doc.Channels[s.Channel]; s.Channel != "" && !known {
		r.warning(path+"/channel", fmt.Sprintf("no channel %q in channels, so no host is of it", s.Channel))
	}
	isKnown := func(name string) bool { _, known := r.doc.Hosts[name]; return known }
	if strangers := slices.DeleteFunc(slices.Clone(s.Hosts), isKnown); len(strangers) > 0 {
		r.warning(path+"/hosts", "not in hosts, so not selected: "+some(strangers))
	}
	ok = true
	for i, sub := range s.And {
		ok = r.checkSelector(fmt.Sprintf("%s/and/%d", path, i), sub, depth+1) && ok
	}
	if s.Not != nil {
		ok = r.checkSelector(path+"/not", s.Not, depth+1) && ok
	}
	return ok
}
