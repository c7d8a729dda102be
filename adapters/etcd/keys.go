package etcd

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"

	"github.com/rollmend/rollmend/states"
)

// keys names what a store keeps, all below one prefix. Names of channels,
// rollouts, hosts and closures are escaped as parts of a URL's path, so that a
// slash parts keys and nothing else does.
//
// What watchers ask for stands in one range: it begins with the ordering key
// and ends before the schema's.
type keys struct{ prefix string }

func (k keys) ordering() string { return k.prefix + "ordering" }
func (k keys) schema() string   { return k.prefix + "schema" }

func (k keys) plans() string           { return k.prefix + "plan/" }
func (k keys) plan(place int64) string { return k.plans() + ascending(uint64(place)) }

// kinds are all the keys that there are, in their order, by how they begin.
func (k keys) kinds() []string {
	return []string{
		k.resumptions(), k.bodies(), k.forgottens(), k.allLogs(), k.names(), k.openings(), k.ordering(),
		k.plans(), k.quarantines(), k.records(), k.schema(), k.writers(),
	}
}

func (k keys) names() string { return k.prefix + "named/" }
func (k keys) named(r states.Rollout) string {
	return k.names() + url.PathEscape(string(r.Channel)) + "/" + url.PathEscape(string(r.Ref))
}

func (k keys) openings() string         { return k.prefix + "opening/" }
func (k keys) opening(id string) string { return k.openings() + id }

// piece is a part of an opening's text, and pieces is where they begin.
func (k keys) piece(id string, n int) string { return fmt.Sprintf("%s%02x", k.pieces(id), n) }
func (k keys) pieces(id string) string       { return k.bodies() + id + "/" }
func (k keys) bodies() string                { return k.prefix + "body/" }

// forgotten says of an opening's id that what is below it is to be erased.
func (k keys) forgotten(id string) string { return k.forgottens() + id }
func (k keys) forgottens() string         { return k.prefix + "forgotten/" }

func (k keys) resumptions() string { return k.prefix + "again/" }
func (k keys) resumed(digest [32]byte) string {
	return k.resumptions() + hex.EncodeToString(digest[:])
}

func (k keys) writers() string         { return k.prefix + "writer/" }
func (k keys) writer(id string) string { return k.writers() + hex.EncodeToString([]byte(id)) }
func (k keys) quarantines() string     { return k.prefix + "quarantine/" }
func (k keys) records() string         { return k.prefix + "record/" }

// recordsOf and logsOf are where the records and logs of an opening begin.
func (k keys) recordsOf(id string) string { return k.records() + id + "/" }
func (k keys) logsOf(id string) string    { return k.allLogs() + id + "/" }
func (k keys) allLogs() string            { return k.prefix + "log/" }

func (k keys) record(id string, h states.Host) string {
	return k.recordsOf(id) + url.PathEscape(string(h))
}

func (k keys) quarantine(channel states.Channel, closure states.Closure) string {
	return k.quarantines() + url.PathEscape(string(channel)) + "/" + url.PathEscape(string(closure))
}

// logs is where the log of a record begins.
func (k keys) logs(id string, h states.Host) string {
	return k.logsOf(id) + url.PathEscape(string(h)) + "/"
}

// log is the key of a change, by the revision that it led to.
func (k keys) log(id string, h states.Host, r states.Revision) string {
	return k.logs(id, h) + ascending(uint64(r))
}

// ascending writes a number so that texts are in the order of their numbers:
// how many digits there are, less one, then the digits, all hexadecimal.
func ascending(n uint64) string {
	digits := strconv.FormatUint(n, 16)
	return strconv.FormatInt(int64(len(digits)-1), 16) + digits
}

// number reads what ascending wrote.
func number(s string) (uint64, error) {
	if s == "" {
		return 0, strconv.ErrSyntax
	}
	n, err := strconv.ParseUint(s[1:], 16, 64)
	if err == nil && ascending(n) != s {
		err = strconv.ErrSyntax
	}
	return n, err
}

// idLength is how long an opening's id is, in digits: short, since it stands in
// the key of every record, and long enough to be drawn at random. Of ten
// thousand openings two have the same once in five million stores.
const idLength = 12

// newID draws the id of an opening.
func newID() string {
	var id [idLength / 2]byte
	_, _ = rand.Read(id[:]) // it never fails
	return hex.EncodeToString(id[:])
}
