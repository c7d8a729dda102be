package etcd

import (
	"sync"

	"github.com/rollmend/rollmend/states"
)

// head is what a store last saw of a record's key: the record's revision in it
// and etcd's revision of it, which a change compares.
type head struct {
	revision states.Revision
	mod      int64
}

// maxHeads bounds how many are remembered, at about a hundred bytes each. What
// was forgotten costs the next change of that record a read.
const maxHeads = 1 << 17

// heads remembers heads. A wrong one does no harm: the change that compares it
// is refused, and made anew with the right one.
type heads struct {
	mu sync.Mutex
	of map[string]head // by the record's key
}

func (h *heads) get(key string) (head, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	of, ok := h.of[key]
	return of, ok
}

// set keeps the newer of what is known and what was seen.
func (h *heads) set(key string, of head) {
	h.mu.Lock()
	defer h.mu.Unlock()
	old, ok := h.of[key]
	if ok && old.mod > of.mod {
		return
	}
	if !ok && len(h.of) >= maxHeads {
		for some := range h.of { // any of them
			delete(h.of, some)
			break
		}
	}
	h.of[key] = of
}
