package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Requests go to one control plane after the other, past one that is down; one
// that took a request and gave no answer may have acted on it, so nobody else
// is asked the same.
func TestEachRequestGoesToTheNextControlPlaneThatIsUp(t *testing.T) {
	var mu sync.Mutex
	var took []string
	up := func(name string, answers bool) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil || string(body) != "a beat" {
				t.Errorf("%s: read %q: %v", name, body, err)
			}
			mu.Lock()
			took = append(took, name)
			mu.Unlock()
			if !answers {
				panic(http.ErrAbortHandler)
			}
			_, _ = fmt.Fprint(w, name)
		}))
		t.Cleanup(server.Close)
		return server.Listener.Addr().String()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	down := l.Addr().String()
	require.NoError(t, l.Close())

	client := &http.Client{Transport: &roaming{
		to: []string{up("a", true), down, up("c", true), up("d", false)},
		by: &http.Transport{DisableKeepAlives: true},
	}}
	post := func() error {
		resp, err := client.Post("http://control-plane/", "", strings.NewReader("a beat"))
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
	require.NoError(t, post()) // past the one that is down
	require.Error(t, post())   // it takes the request, and gives no answer
	require.NoError(t, post())
	require.NoError(t, post())
	client.Transport = &roaming{to: []string{down, down}, by: http.DefaultTransport}
	require.Error(t, post())

	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, []string{"c", "d", "a", "c"}, took)
}
