package httpapi_test

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters/httpapi"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/states"
)

func TestAPollAsksForTheHostOfTheCertificate(t *testing.T) {
	for wait, want := range map[string]time.Duration{"": 0, "?wait=60": time.Minute, "?wait=4000": httpapi.MaxWait} {
		var host states.Host
		var waited time.Duration
		h := httpapi.Agent(&stub{dispatch: func(_ context.Context, h states.Host, w time.Duration) (engine.Dispatch, bool, error) {
			host, waited = h, w
			return engine.Dispatch{}, false, nil
		}}, httpapi.Options{})
		w := serve(h, request(http.MethodGet, httpapi.PathDispatch+wait, nil, named("web-1", "other")))
		require.Equal(t, http.StatusNoContent, w.Code)
		require.Empty(t, w.Body.Bytes())
		require.Equal(t, states.Host("web-1"), host)
		require.Equal(t, want, waited)
	}
}

// A poll waits as long as it was told to, whatever timeouts the server has for
// short requests, and the connection goes on to serve those.
func TestAPollOutlivesTheServersTimeouts(t *testing.T) {
	const timeout = 100 * time.Millisecond
	h := httpapi.Agent(&stub{dispatch: func(ctx context.Context, _ states.Host, _ time.Duration) (engine.Dispatch, bool, error) {
		select {
		case <-time.After(4 * timeout):
			return handedOut, true, nil
		case <-ctx.Done():
			return engine.Dispatch{}, false, ctx.Err()
		}
	}}, httpapi.Options{})
	for name, http2 := range protocols {
		t.Run(name, func(t *testing.T) {
			cp := listen(t, h, func(srv *http.Server) { srv.ReadTimeout, srv.WriteTimeout = timeout, timeout })
			c := cp.client(t, http2, "web-1", cp.issue(t, "web-1"))
			d, ok, err := c.Dispatch(t.Context(), time.Minute)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, taken, d)
			_, err = c.Heartbeat(t.Context(), heartbeats[0].sent)
			require.NoError(t, err)
		})
	}
}

// A host that goes away does not keep anything running for it.
func TestAPollEndsWhenItsHostGoesAway(t *testing.T) {
	for name, http2 := range protocols {
		t.Run(name, func(t *testing.T) {
			polling, ended, running := make(chan struct{}), make(chan error, 1), false
			h := httpapi.Agent(&stub{dispatch: func(ctx context.Context, _ states.Host, _ time.Duration) (engine.Dispatch, bool, error) {
				running = strings.Contains(stacks(), "agentRoutes")
				close(polling)
				<-ctx.Done()
				ended <- ctx.Err()
				return engine.Dispatch{}, false, ctx.Err()
			}}, httpapi.Options{})
			cp := listen(t, h, nil)
			c := cp.client(t, http2, "web-1", cp.issue(t, "web-1"))
			ctx, leave := context.WithCancel(t.Context())
			go func() {
				<-polling
				leave()
			}()
			_, _, err := c.Dispatch(ctx, time.Minute)
			require.ErrorIs(t, err, context.Canceled)
			select {
			case err := <-ended:
				require.ErrorIs(t, err, context.Canceled)
			case <-time.After(10 * time.Second):
				require.Fail(t, "the poll goes on without its host")
			}
			require.True(t, running, "a handler that runs is seen")
			require.Eventually(t, func() bool { return !strings.Contains(stacks(), "agentRoutes") },
				10*time.Second, time.Millisecond, "nothing of the handler runs")
		})
	}
}

// stacks returns what every goroutine is at.
func stacks() string {
	b := make([]byte, 1<<20)
	return string(b[:runtime.Stack(b, true)])
}
