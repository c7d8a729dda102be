package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters/httpapi"
	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/examples/certs"
	"github.com/rollmend/rollmend/states"
)

const oneHost = `{
	"schemaVersion": 1,
	"hosts": {"web-1": {"channel": "stable", "closureHash": "new"}},
	"channels": {"stable": {"rolloutPolicy": "careful"}},
	"rolloutPolicies": {"careful": {"onHealthFailure": "rollback-and-halt"}},
	"meta": {"ciCommit": "a1b2"}
}`

// A host that beats twice is handed its rollout: the second beat shows that it
// had the reply to the first.
func TestTheSmallestControlPlaneHandsOutARollout(t *testing.T) {
	t.Chdir(t.TempDir())
	ca, err := certs.NewAuthority(".")
	require.NoError(t, err)
	require.NoError(t, ca.Server("server"))
	require.NoError(t, ca.Client("web-1"))
	require.NoError(t, os.WriteFile("fleet.resolved.json", []byte(oneHost), 0o644))
	cfg, err := certs.Load(".", "web-1")
	require.NoError(t, err)
	addr := freeAddr(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, addr) }()

	client := &httpapi.Client{
		Base: "https://" + addr, Host: "web-1",
		HTTP: &http.Client{Transport: &http.Transport{TLSClientConfig: cfg}},
	}
	var reply agent.BeatAnswered
	beat := func(n uint64) error {
		hb := agent.Heartbeat{
			Current: "old", At: states.TimeOf(time.Now()),
			Order: states.Order{Boot: 1, Beat: n}, LastReply: reply.ReceivedAt,
		}
		var err error
		reply, err = client.Heartbeat(ctx, hb)
		return err
	}
	require.Eventually(t, func() bool { return beat(1) == nil }, 10*time.Second, 20*time.Millisecond)
	require.NoError(t, beat(2))
	dispatch, ok, err := client.Dispatch(ctx, 10*time.Second)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, states.Rollout{Channel: "stable", Ref: "a1b2"}, dispatch.Rollout)
	require.True(t, dispatch.Target.Is("new"))

	stop()
	require.NoError(t, <-ended)
}

func freeAddr(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}
