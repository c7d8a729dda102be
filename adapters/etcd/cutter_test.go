package etcd_test

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// cutter stands between a store and a server. While it is armed, it waits for a
// request that holds some bytes, and lets a fault happen to it.
type cutter struct {
	to string

	mu    sync.Mutex
	bytes []byte
	fault func(c *crossing) (on bool)
	down  bool
	open  map[net.Conn]bool
}

// cut ends every connection, and lets none through until it is healed.
func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = true
	for conn := range c.open {
		_ = conn.Close()
	}
}

func (c *cutter) heal() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = false
}

// admit notes a connection, unless all are cut.
func (c *cutter) admit(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down {
		return false
	}
	if c.open == nil {
		c.open = make(map[net.Conn]bool)
	}
	c.open[conn] = true
	return true
}

func (c *cutter) leave(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, conn)
}

// crossing is a connection that a fault happens to, and the bytes that are on
// their way.
type crossing struct {
	client, server net.Conn
	bytes          []byte
	mute           *bool // the server's answers are swallowed from now on
	mu             *sync.Mutex
}

// deliver hands the bytes to the server, whose answers go nowhere.
func (c *crossing) deliver() {
	c.mu.Lock()
	*c.mute = true
	c.mu.Unlock()
	_, _ = io.Copy(c.server, bytes.NewReader(c.bytes))
}

func (c *cutter) listen(t testing.TB, endpoint string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c.to = strings.TrimPrefix(endpoint, "http://")
	var wg sync.WaitGroup
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		wg.Wait()
	})
	wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { c.carry(client) })
		}
	})
	return "http://" + l.Addr().String()
}

// arm lets a fault happen to the next request that holds these bytes. The fault
// says whether the connection goes on.
func (c *cutter) arm(text string, fault func(*crossing) (on bool)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes, c.fault = []byte(text), fault
}

func (c *cutter) armed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fault != nil
}

// caught disarms the cutter where the bytes are those that it waits for.
func (c *cutter) caught(b []byte) func(*crossing) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault == nil || !bytes.Contains(b, c.bytes) {
		return nil
	}
	fault := c.fault
	c.fault = nil
	return fault
}

func (c *cutter) carry(client net.Conn) {
	defer client.Close()
	if !c.admit(client) {
		return
	}
	defer c.leave(client)
	server, err := net.Dial("tcp", c.to)
	if err != nil {
		return
	}
	defer server.Close()
	var mu sync.Mutex
	mute := false
	var wg sync.WaitGroup
	defer wg.Wait()
	defer server.Close()
	wg.Go(func() {
		defer client.Close()
		buf := make([]byte, 1<<16)
		for {
			n, err := server.Read(buf)
			if err != nil {
				return
			}
			mu.Lock()
			silent := mute
			mu.Unlock()
			if silent {
				continue
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	})
	buf := make([]byte, 1<<20)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		if fault := c.caught(buf[:n]); fault != nil {
			if on := fault(&crossing{client, server, buf[:n], &mute, &mu}); !on {
				return
			}
			continue
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}
