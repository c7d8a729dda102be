package throwaway

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
)

// network stands between the members: each finds the others at its ports, and
// it carries what they say to where they listen.
type network struct {
	mu        sync.Mutex
	listeners []net.Listener
	carried   map[*carried]bool
	places    map[int]bool    // of members that nobody reaches
	ids       map[uint64]bool // of members that reach nobody
	closed    bool
	running   sync.WaitGroup
}

// carried is one connection between two members.
type carried struct {
	from   uint64 // who opened it; 0 where it does not say
	to     int    // the place of the member that it goes to
	client net.Conn
	server net.Conn
}

func newNetwork() *network {
	return &network{carried: map[*carried]bool{}, places: map[int]bool{}, ids: map[uint64]bool{}}
}

// before stands before the next member's port, and returns where the others
// are to look for it.
func (n *network) before(port int) (url string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	n.mu.Lock()
	place := len(n.listeners)
	n.listeners = append(n.listeners, l)
	n.mu.Unlock()
	n.running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			n.running.Go(func() { n.carry(client, place, port) })
		}
	})
	return "http://" + l.Addr().String(), nil
}

// headBytes is the most that is read of a connection to learn who opened it.
const headBytes = 4096

func (n *network) carry(client net.Conn, place, port int) {
	c := &carried{to: place, client: client}
	if !n.admit(c) {
		_ = client.Close()
		return
	}
	defer n.cut(c)
	first := make([]byte, 0, headBytes)
	for !bytes.Contains(first, []byte("\r\n\r\n")) && len(first) < headBytes {
		more, err := client.Read(first[len(first):headBytes])
		first = first[:len(first)+more]
		if err != nil {
			return
		}
	}
	server, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil || !n.opened(c, sender(first), server) {
		return
	}
	if _, err := server.Write(first); err != nil {
		return
	}
	n.running.Go(func() {
		defer n.cut(c)
		_, _ = io.Copy(client, server)
	})
	_, _ = io.Copy(server, client)
}

// sender finds the member's number in the head of a request.
func sender(request []byte) uint64 {
	_, after, found := bytes.Cut(request, []byte("X-Server-From: "))
	if !found {
		return 0
	}
	text, _, _ := bytes.Cut(after, []byte("\r\n"))
	id, _ := strconv.ParseUint(string(text), 16, 64)
	return id
}

// admit lets a connection in, where its member may be reached.
func (n *network) admit(c *carried) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed || n.places[c.to] {
		return false
	}
	n.carried[c] = true
	return true
}

// opened notes who opened a connection, and that it may go on.
func (n *network) opened(c *carried, from uint64, server net.Conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	c.from, c.server = from, server
	return n.carried[c] && !n.ids[from]
}

func (n *network) cut(c *carried) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cutLocked(c)
}

func (n *network) cutLocked(c *carried) {
	delete(n.carried, c)
	_ = c.client.Close()
	if c.server != nil {
		_ = c.server.Close()
	}
}

func (n *network) isolate(place int, id uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.places[place], n.ids[id] = true, true
	for c := range n.carried {
		if c.to == place || c.from == id {
			n.cutLocked(c)
		}
	}
}

func (n *network) heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.places)
	clear(n.ids)
}

func (n *network) close() {
	n.mu.Lock()
	n.closed = true
	for _, l := range n.listeners {
		_ = l.Close()
	}
	for c := range n.carried {
		n.cutLocked(c)
	}
	n.mu.Unlock()
	n.running.Wait()
}
