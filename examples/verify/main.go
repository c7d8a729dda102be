// Command verify looks whether everything in a store is well: every record is
// what its log says, every log is without gaps, and nothing belongs to nothing.
//
//	go run ./examples/verify -store rollmend.db
//	go run ./examples/verify -store postgres://user@host/database
//	go run ./examples/verify -store etcd://host:2379,other:2379
//	go run ./examples/verify -store etcd://host:2379 -cacert ca.pem -cert me.pem -key me.key.pem
//
// A control plane may run on the store meanwhile. A SQLite file is copied to a
// temporary folder first, and the copy is looked at, since whoever opens the file
// itself takes it over.
//
// It exits with 1 where anything is wrong, and with 2 where it could not look.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/postgres"
	"github.com/rollmend/rollmend/adapters/sqlite"
	"github.com/rollmend/rollmend/adapters/upkeep"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout))
}

// What the program exits with.
const (
	well      = 0
	wrong     = 1
	notLooked = 2
)

// findingsMost bounds how many findings are printed: who has more needs a
// backup, not a list.
const findingsMost = 1000

func run(ctx context.Context, args []string, out io.Writer) int {
	flags := flag.NewFlagSet("verify", flag.ContinueOnError)
	flags.SetOutput(out)
	place := flags.String("store", "", "a SQLite file, the URL of a PostgreSQL database, or the members of an etcd cluster")
	schema := flags.String("schema", "rollmend", "the schema in a PostgreSQL database")
	var in cluster
	flags.StringVar(&in.prefix, "prefix", "", "what stands in front of the store's keys in etcd, if it is not the usual prefix")
	flags.StringVar(&in.ca, "cacert", "", "the file of the authority that signed the etcd servers' certificates")
	flags.StringVar(&in.cert, "cert", "", "the file of the certificate that etcd is shown")
	flags.StringVar(&in.key, "key", "", "the file of that certificate's key")
	if err := flags.Parse(args); err != nil {
		return notLooked
	}
	if *place == "" || flags.NArg() > 0 {
		fmt.Fprintln(out, "-store must name a SQLite file, a PostgreSQL database as postgres://user@host/database, or an etcd cluster as etcd://host:2379,other:2379")
		return notLooked
	}
	store, closeStore, err := open(ctx, *place, *schema, in, out)
	var damaged *adapters.NotAStoreError
	if errors.As(err, &damaged) {
		fmt.Fprintln(out, "unreadable:", err)
		return wrong
	}
	if err != nil {
		fmt.Fprintln(out, err)
		return notLooked
	}
	defer closeStore()
	return verify(ctx, store, out)
}

func verify(ctx context.Context, store adapters.Store, out io.Writer) int {
	began := time.Now()
	looked := 0
	progress := func(done, of int) {
		if looked = done; done != of {
			fmt.Fprintf(out, "%d of %d records\n", done, of)
		}
	}
	findings := 0
	for f, err := range upkeep.Verify(ctx, store, progress) {
		if err != nil {
			fmt.Fprintln(out, err)
			return notLooked
		}
		if findings++; findings > findingsMost {
			fmt.Fprintf(out, "and more: %d findings are enough\n", findingsMost)
			return wrong
		}
		fmt.Fprintln(out, f)
	}
	fmt.Fprintf(out, "%d records in %s, ", looked, time.Since(began).Round(time.Millisecond))
	if findings > 0 {
		fmt.Fprintf(out, "findings: %d. Restore a backup, or start without the store: hosts come back with their next heartbeat (docs/operations.md)\n", findings)
		return wrong
	}
	fmt.Fprintln(out, "all is well")
	return well
}

// open opens the store, or a copy of it.
func open(ctx context.Context, place, schema string, in cluster, out io.Writer) (adapters.Store, func(), error) {
	if members, ok := strings.CutPrefix(place, "etcd://"); ok {
		return in.open(ctx, strings.Split(members, ","))
	}
	if strings.HasPrefix(place, "postgres://") || strings.HasPrefix(place, "postgresql://") {
		s, err := postgres.OpenURL(ctx, place, postgres.Options{Schema: schema})
		if err != nil {
			return nil, nil, err
		}
		return s, func() { _ = s.Close() }, nil
	}
	dir, err := os.MkdirTemp("", "rollmend-verify-")
	if err != nil {
		return nil, nil, err
	}
	remove := func() { _ = os.RemoveAll(dir) }
	fmt.Fprintf(out, "looking at a copy of %s\n", place)
	to := filepath.Join(dir, "copy.db")
	err = sqlite.Backup(ctx, place, to)
	if err != nil {
		remove()
		return nil, nil, err
	}
	s, err := sqlite.OpenFile(ctx, to)
	if err != nil {
		remove()
		return nil, nil, err
	}
	return s, func() { _ = s.Close(); remove() }, nil
}
