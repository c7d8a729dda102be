package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters/httpapi"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// A log that was made shorter is shown with what it began with.
func TestACompactedLogIsShown(t *testing.T) {
	ex := explained()
	rec := ex.Records[0].Record
	rec.Revision = 4
	rec.Set(states.LastTransitionAt, noon, true)
	ex.Records[0].Log = []reducer.LogEntry{
		{Revision: 4, Snapshot: &reducer.Snapshot{Record: rec}, Event: reducer.Event{Key: rec.Key, Origin: reducer.Origin{By: reducer.ByControlPlane}}},
		{Revision: 5, Disposition: reducer.Applied, Event: eventOf(reducer.Converged{Current: "sha256:new"}, 3)},
	}
	h := httpapi.Operator(&stub{explain: func(states.Host) (engine.Explanation, error) { return ex, nil }})
	w := get(h, "/v1/hosts/web-1")
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	var view struct {
		Records []struct {
			Log []map[string]any `json:"log"`
		} `json:"records"`
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &view))
	require.Len(t, view.Records[0].Log, 2)
	require.Equal(t, map[string]any{
		"revision": 4.0, "disposition": "snapshot", "origin": "control-plane", "at": "2026-03-01T12:00:00.000Z",
		"event": map[string]any{"kind": "Snapshot", "state": "Soaking"},
	}, view.Records[0].Log[0])

	w = get(h, "/hosts/web-1")
	require.Equal(t, http.StatusOK, w.Code)
	require.Contains(t, w.Body.String(), "the log up to here is compacted: Soaking")
	require.NotContains(t, w.Body.String(), "invalid")
}
