package httpapi

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"net/url"

	"github.com/rollmend/rollmend/states"
)

//go:embed page.html
var pageText string

// page shows findings to people. It is plain HTML with relative links, so that
// it works under any prefix, and runs nothing in the browser.
var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"path":   func(h states.Host) string { return url.PathEscape(string(h)) },
	"states": states.States,
}).Parse(pageText))

func (o operatorRoutes) fleetPage(w http.ResponseWriter, r *http.Request) {
	v, err := o.engine.Fleet(r.Context())
	show(w, "fleet", v, err)
}

func (o operatorRoutes) hostPage(w http.ResponseWriter, r *http.Request) {
	ex, err := o.engine.Explain(r.Context(), states.Host(r.PathValue("host")))
	show(w, "host", ex, err)
}

// findHost leads from the form of the fleet's page to a host's own.
func (o operatorRoutes) findHost(w http.ResponseWriter, r *http.Request) {
	host := r.URL.Query().Get("name")
	if host == "" {
		http.Redirect(w, r, "../", http.StatusSeeOther)
		return
	}
	w.Header().Set("Location", "./"+url.PathEscape(host))
	w.WriteHeader(http.StatusSeeOther)
}

func show(w http.ResponseWriter, name string, data any, err error) {
	status := http.StatusOK
	if err != nil {
		name, data, status = "problem", err.Error(), refusalOf(err).status
	}
	var b bytes.Buffer
	if err := page.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, "the page could not be written", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'")
	w.WriteHeader(status)
	// The reader may be gone; there is nobody else to tell.
	_, _ = w.Write(b.Bytes())
}
