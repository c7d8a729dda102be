package engine

// This file is about waiting for memory. Of a big fleet nothing that belongs to
// the next host is in a cache, and a host after the other waits for three or four
// lines of it. Lines that do not depend on each other are fetched side by side,
// so those of the next few hosts are touched before the first is decided on.

// ahead is how many hosts are touched at once: more than a processor fetches side
// by side, and few enough that all are still there when their turn comes.
const ahead = 32

// touch reads what deciding on a host reads. What it returns is only to be used,
// so that no compiler leaves the reading out.
func (c *Core) touch(id int32) (read int) {
	s := &c.slots[id]
	if r := s.now.rollout; r != nil && int(s.now.member) < len(r.Members) { // it may have been forgotten
		m := &r.Members[s.now.member] // which lies across two lines
		read += len(m.Host) + int(m.Opened.Policy.OnFailure)
	}
	if c.fleet != nil {
		if hosts, at := c.fleet.Plan().Hosts, int(s.planned)-1; at >= 0 && at < len(hosts) {
			read += len(hosts[at].Host)
		}
	}
	return read
}

// touchBeats touches the hosts of the next heartbeats in a round, if one at this
// place begins a new lot.
func (c *Core) touchBeats(inputs []Input, at int) {
	if at%ahead != 0 {
		return
	}
	read := 0
	for _, in := range inputs[at:min(at+ahead, len(inputs))] {
		if beat, ok := in.(*Beat); ok && beat.slot > 0 && int(beat.slot) <= len(c.slots) {
			read += c.touch(beat.slot - 1)
		}
	}
	c.touched = read
}

// touchSlots does the same for hosts that are looked at again.
func (c *Core) touchSlots(ids []int32, at int) {
	if at%ahead != 0 {
		return
	}
	read := 0
	for _, id := range ids[at:min(at+ahead, len(ids))] {
		read += c.touch(id)
	}
	c.touched = read
}

// expect guesses where the hosts of heartbeats have their slots, and touches what
// finding them there reads.
func (c *Core) expect(beats []Beat) {
	for i := range beats {
		beats[i].slot = c.hosts.guess(beats[i].Heartbeat.Host)
	}
	read := 0
	for i := range beats {
		read += c.peek(beats[i].slot)
	}
	c.touched = read
}

// expectBeats does the same for the next heartbeats in a round of which it was
// not done before, if one at this place begins a new lot.
func (c *Core) expectBeats(inputs []Input, at int) {
	if at%ahead != 0 {
		return
	}
	lot := inputs[at:min(at+ahead, len(inputs))]
	for _, in := range lot {
		if beat, ok := in.(*Beat); ok && beat.slot == 0 {
			beat.slot = c.hosts.guess(beat.Heartbeat.Host)
		}
	}
	read := 0
	for _, in := range lot {
		if beat, ok := in.(*Beat); ok {
			read += c.peek(beat.slot)
		}
	}
	c.touched = read
}

// peek touches what comparing a host's name reads. The place is a guess, plus 1.
func (c *Core) peek(slot int32) (read int) {
	if slot > 0 && int(slot) <= len(c.slots) && len(c.slots[slot-1].name) > 0 {
		read = int(c.slots[slot-1].name[0]) + int(c.slots[slot-1].waiting)
	}
	return read
}
