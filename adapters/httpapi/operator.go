package httpapi

import (
	"net/http"

	"github.com/rollmend/rollmend/states"
)

// Operator returns the handler of the operator's routes, which change nothing:
// GET /v1/fleet and GET /v1/hosts/{host} in JSON, and the same for people at /
// and /hosts/{host}. All that they show of a host are the engine's findings,
// its gates and its log.
//
// It asks nobody who they are: the embedder guards it, and may mount it under
// a prefix with [http.StripPrefix].
func Operator(e Engine) http.Handler {
	o := operatorRoutes{engine: e}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/fleet", o.fleet)
	mux.HandleFunc("GET /v1/hosts/{host}", o.host)
	mux.HandleFunc("GET /{$}", o.fleetPage)
	mux.HandleFunc("GET /hosts/{$}", o.findHost)
	mux.HandleFunc("GET /hosts/{host}", o.hostPage)
	return mux
}

type operatorRoutes struct {
	engine Engine
}

func (o operatorRoutes) fleet(w http.ResponseWriter, r *http.Request) {
	v, err := o.engine.Fleet(r.Context())
	if err != nil {
		answer(w, refusalOf(err).status, problem{Error: err.Error()})
		return
	}
	answer(w, http.StatusOK, fleetViewOf(v))
}

func (o operatorRoutes) host(w http.ResponseWriter, r *http.Request) {
	ex, err := o.engine.Explain(r.Context(), states.Host(r.PathValue("host")))
	if err != nil {
		answer(w, refusalOf(err).status, problem{Error: err.Error()})
		return
	}
	answer(w, http.StatusOK, hostViewOf(ex))
}
