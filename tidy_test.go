package rollmend_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// pureHalf is what takes values in and gives values out.
var pureHalf = []string{"states", "reducer", "synth", "gates", "agent"}

// pureStandardLibrary is what the pure half may import. Each of these computes;
// none reads a clock, a file, an environment or a random number (package time
// is here for its Duration; see noClock).
var pureStandardLibrary = []string{
	"cmp", "errors", "fmt", "iter", "maps", "math", "math/bits", "slices", "sort", "strconv", "strings", "time", "unicode", "unicode/utf8",
}

// Where a file or a function should be two. The pure half is read most.
const (
	maxFileLines, maxFuncLines         = 500, 70
	maxPureFileLines, maxPureFuncLines = 300, 50
)

// edges lists what each package may import of ours, outside of its tests.
// Imports point one way: from the shell to the pure half, from proof to both.
var edges = map[string][]string{
	".":       nil,
	"states":  nil,
	"reducer": {"states"},
	"gates":   {"states", "reducer"},
	"synth":   {"states", "reducer", "gates"},
	"agent":   {"states", "reducer"},

	"adapters":          {"states", "reducer"},
	"internal/codec":    {"states", "reducer", "adapters"},
	"adapters/memory":   {"states", "reducer", "adapters", "internal/codec"},
	"adapters/sqlite":   {"states", "reducer", "adapters", "internal/codec"},
	"adapters/manifest": {"states", "gates"},
	"adapters/upkeep":   {"states", "reducer", "adapters"},

	"adapters/postgres":           {"states", "reducer", "adapters", "internal/codec"},
	"adapters/postgres/throwaway": nil,
	"adapters/etcd":               {"states", "reducer", "adapters", "internal/codec"},
	"adapters/etcd/throwaway":     nil,
	"adapters/etcd/server":        nil,

	"engine":             {"states", "reducer", "gates", "synth", "adapters"},
	"adapters/httpapi":   {"states", "reducer", "gates", "synth", "agent", "adapters", "engine"},
	"adapters/storetest": {"states", "reducer", "adapters"},

	"adapters/storetest/broken": {"states", "reducer", "adapters", "adapters/memory", "adapters/storetest", "internal/codec"},

	"scenario":                {"*"},
	"proptest":                {"*"},
	"proptest/sim":            {"*"},
	"proptest/internal/graph": nil,
	"proptest/exhaust":        {"states", "reducer", "gates", "synth", "proptest"},
	"internal/statesdoc":      {"states", "reducer"},
	"internal/statesdoc/cmd":  {"reducer", "internal/statesdoc"},
}

// allowedImports finds a package's line. Programs that show or measure the
// library are its users: they may import whatever they like.
func allowedImports(dir string) (allowed []string, listed bool) {
	for _, users := range []string{"examples", "bench"} {
		if dir == users || strings.HasPrefix(dir, users+"/") {
			return []string{"*"}, true
		}
	}
	allowed, listed = edges[dir]
	return allowed, listed
}

// rule is one rule of the house, with a sample that breaks it: a rule that
// cannot fail would be worse than none.
type rule struct {
	name       string
	check      func(*tree) []problem
	exceptions map[string]string // by file, each with its reason
	bad        map[string]string // files, each line of which that ends in "// bad" breaks the rule
}

var rules = []rule{
	{"imports point one way", importEdges, nil, map[string]string{
		"states/x.go": "package states\nimport _ \"github.com/rollmend/rollmend/reducer\" // bad",
		"queue/x.go":  "package queue // bad",
	}},
	{"the pure half needs a short list of the standard library", standardLibrary, nil, map[string]string{
		"states/x.go": "package states\nimport _ \"os\" // bad\nimport _ \"strings\"\nimport _ \"math/rand\" // bad",
	}},
	{"the pure half has no clock", noClock, nil, map[string]string{
		"states/x.go": `package states
			import clock "time"
			func f() clock.Duration { return clock.Since(clock.Time{}) } // bad
			var later = clock.After // bad
			func g(a, b clock.Time) bool { return a.After(b) }`,
	}},
	{"the pure half starts no goroutine", noGoroutines, nil, map[string]string{
		"reducer/x.go": "package reducer\nfunc f() {\n go f() // bad\n}",
	}},
	{"the pure half writes to no global", noWrittenGlobals, nil, map[string]string{
		"gates/x.go": `package gates
			type counter struct { n [2]int }
			func (c *counter) up() {}
			func (c counter) read() {}
			var count counter
			var known = map[string]int{}
			var last *counter
			func hand(*counter) {}
			func f(local counter) {
				count = local // bad
				count.n[0]++ // bad
				hand(&count) // bad
				p := &count.n
				p = &local.n
				p[0] = 1 // bad
				first := &count
				first.up() // bad
				first.n[0] += first.n[1] // bad
				count.up() // bad
				count.read()
				known["a"] = 1 // bad
				delete(known, "a") // bad
				last.n[1] = 2 // bad
				for count.n[0] = range 3 { // bad
				}
				local = count
				local.n[0] = p[0]
				local.up()
			}`,
	}},
	{"no map's order reaches a result of the pure half", noMapOrder, nil, map[string]string{
		"synth/x.go": `package synth
			import ("maps"; "slices")
			func f(m map[string]int, s []string) []string {
				for range m { // bad
				}
				for range s {
				}
				_ = slices.Collect(maps.Keys(m)) // bad
				return slices.Sorted(maps.Keys(m))
			}`,
	}},
	{"closures are compared by Is", closuresByIs, nil, map[string]string{
		"engine/x.go": `package engine
			import "github.com/rollmend/rollmend/states"
			func f(a, b states.Closure) bool {
				switch a { // bad
				}
				return a == b || // bad
					a != "" || // bad
					string(a) == string(b) || a.Is(b)
			}`,
		"states/names.go": "package states\ntype Closure string\nfunc f(c Closure) bool { return c == c }",
	}},
	{"exported names are documented", documented, nil, map[string]string{
		"engine/x.go": `package engine // bad
			type Engine struct{} // bad
			func (Engine) Close() {} // bad
			func (Engine) Error() string { return "" }
			type inner struct{}
			func (inner) Close() {}
			const Bound = 1 // says what it is
			// Open opens.
			func Open() {}
			// The limits.
			const (
				X = 1
				Y = 2
			)`,
	}},
	{"files and functions are short", sizes, nil, map[string]string{
		"engine/x.go":       "package engine\nfunc f() { // bad\n" + strings.Repeat("\n", 70) + "}",
		"states/x.go":       "package states\nfunc f() { // bad\n" + strings.Repeat("\n", 50) + "}",
		"states/y.go":       "// bad" + strings.Repeat("\n", 300) + "package states",
		"states/y_test.go":  "package states" + strings.Repeat("\n", 300),
		"engine/y_test.go":  "// bad" + strings.Repeat("\n", 500) + "package engine",
		"engine/z.go":       "package engine\nfunc g() {\n" + strings.Repeat("\n", 60) + "}",
		"engine/gen.go":     "// Code generated by x. DO NOT EDIT.\n\npackage engine" + strings.Repeat("\n", 600),
		"engine/f_test.go":  "package engine\nfunc h() {\n" + strings.Repeat("\n", 80) + "}",
		"engine/fits.go":    "package engine" + strings.Repeat("\n", 499),
		"engine/toolong.go": "// bad" + strings.Repeat("\n", 500) + "package engine",
	}},
	{"every scenario is opened by a test", scenariosOpened, nil, map[string]string{
		"gates/testdata/lost.txt":        "// bad",
		"gates/x_test.go":                "package gates_test",
		"synth/testdata/deep/opened.txt": "",
		"synth/x_test.go":                "package synth_test\nconst where = \"testdata/deep\"",
	}},
}

// TestTidy checks the repository against the rules.
func TestTidy(t *testing.T) {
	repository := read(t, os.DirFS("."))
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			used := map[string]bool{}
			for _, p := range r.check(repository) {
				if r.exceptions[p.file] == "" {
					t.Error(p)
				}
				used[p.file] = true
			}
			for file := range r.exceptions {
				if !used[file] {
					t.Errorf("%s needs no exception any more: remove it", file)
				}
			}
		})
	}
}

// TestEveryRuleCanFail shows each rule its sample.
func TestEveryRuleCanFail(t *testing.T) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			files := fstest.MapFS{}
			want := map[string]bool{}
			for name, src := range r.bad {
				files[name] = &fstest.MapFile{Data: []byte(src)}
				for i, line := range strings.Split(src, "\n") {
					if strings.HasSuffix(line, "// bad") {
						want[place(name, i+1)] = true
					}
				}
			}
			for _, p := range r.check(read(t, files)) {
				at := place(p.file, max(p.line, 1))
				if !want[at] {
					t.Errorf("told where nothing is wrong: %s", p)
				}
				delete(want, at)
			}
			for at := range want {
				t.Errorf("not told: %s", at)
			}
		})
	}
}

func place(file string, line int) string { return fmt.Sprintf("%s:%d", file, line) }
