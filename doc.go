// Package rollmend makes the control plane of a fleet whole again from its
// hosts: whatever a wiped, restored or stale control plane believes, one
// heartbeat per host is enough to bring its records back, without disturbing
// anybody.
//
// A control plane keeps a record for each host of each rollout. A record is a
// cache; the truth is what the host runs. When a heartbeat says that the host
// is further than its record, the events that were missed are synthesised, go
// through the same reducer as reported ones, and are logged for what they are:
//
//	 heartbeat            report
//	     |                  |
//	     v                  |
//	+---------+             |
//	|  synth  |  which events did the record miss, and why?
//	+---------+             |
//	     |   ^              |
//	     |   | +-------+    |
//	     |   +-| gates |  may the host go, and if not, what does it wait for?
//	     |     +-------+    |
//	     v                  v
//	+-----------------------------+
//	|           reducer           |  record + event -> record + effects
//	+-----------------------------+
//	               |
//	               v
//	+-----------------------------+
//	|           effects           |  log entry, quarantine, transition
//	+-----------------------------+
//	               |
//	               v
//	+-----------------------------+
//	|            store            |  one commit; the reply follows it
//	+-----------------------------+
//
// This package has no types. The pure half takes values in and gives values
// out, on the standard library alone:
//
//   - [github.com/rollmend/rollmend/states]: the nouns; the record and its seven states
//   - [github.com/rollmend/rollmend/reducer]: one event applied to one record
//   - [github.com/rollmend/rollmend/synth]: the events that a record missed
//   - [github.com/rollmend/rollmend/gates]: who may go next, and why not
//   - [github.com/rollmend/rollmend/agent]: the agent's half, as a pure machine
//
// The shell is all the I/O that there is:
//
//   - [github.com/rollmend/rollmend/engine]: what a control plane embeds; start here
//   - [github.com/rollmend/rollmend/adapters]: the ports, Store and Clock, and their contract
//   - [github.com/rollmend/rollmend/adapters/memory]: a store in memory
//   - [github.com/rollmend/rollmend/adapters/sqlite]: a store on disk (a module of its own)
//   - [github.com/rollmend/rollmend/adapters/manifest]: the file that describes a fleet
//   - [github.com/rollmend/rollmend/adapters/httpapi]: the routes for agents and operators
//
// And what proves it, for your code as for ours:
//
//   - [github.com/rollmend/rollmend/adapters/storetest]: the contract of a store, as tests
//   - [github.com/rollmend/rollmend/scenario]: lives of a fleet as text that an operator can read
package rollmend
