// Command server is etcd, of the release that the adapter's client is of: the
// tests build it and start it with etcd's own flags. It is a module of its own
// so that nobody who imports the adapter has a server among his modules. Its
// go.mod also names etcd's command line tools, which are built as they are.
package main

import (
	"io"
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

// tied names the variable that ties the server's life to its standard input:
// whoever started it may be killed, and is to leave nothing behind.
const tied = "ROLLMEND_ETCD_TIED"

func main() {
	if os.Getenv(tied) != "" {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(1)
		}()
	}
	etcdmain.Main(os.Args)
}
