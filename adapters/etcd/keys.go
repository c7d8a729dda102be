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

func (k keys) named(r states.Rollout) string {
	return k.prefix + "named/" + url.PathEscape(string(r.Channel)) + "/" + url.PathEscape(string(r.Ref))
}
func (k keys) opening(id string) string { return k.prefix + "opening/" + id }

// piece is a part of an opening's text.
func (k keys) piece(id string, n int) string { return fmt.Sprintf("%sbody/%s/%02x", k.prefix, id, n) }

func (k keys) resumed(digest [32]byte) string {
	return k.prefix + "again/" + hex.EncodeToString(digest[:])
}

func (k keys) writer(id string) string { return k.prefix + "writer/" + hex.EncodeToString([]byte(id)) }
func (k keys) quarantines() string     { return k.prefix + "quarantine/" }
func (k keys) records() string         { return k.prefix + "record/" }

func (k keys) record(id string, h states.Host) string {
	return k.records() + id + "/" + url.PathEscape(string(h))
}

func (k keys) quarantine(channel states.Channel, closure states.Closure) string {
	return k.quarantines() + url.PathEscape(string(channel)) + "/" + url.PathEscape(string(closure))
}

// logs is where the log of a record begins.
func (k keys) logs(id string, h states.Host) string {
	return k.prefix + "log/" + id + "/" + url.PathEscape(string(h)) + "/"
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

// newID draws the id of an opening: short, since it stands in the key of every
// record. Whoever uses it makes sure that there is no other.
func newID() string {
	var id [6]byte
	_, _ = rand.Read(id[:]) // it never fails
	return hex.EncodeToString(id[:])
}
