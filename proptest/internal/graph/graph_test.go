package graph_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rollmend/rollmend/proptest/internal/graph"
)

type leaf struct{ N int }

type tree struct {
	name   string
	sub    map[string]*tree
	up     *tree
	twice  [2]*leaf
	list   []leaf
	lists  map[int][]leaf
	any    any
	shared *frozen
	noise  int
	ok     bool
	ratio  float64
	call   func()
}

type frozen struct{ n int }

func plan() *graph.Plan {
	p := graph.New()
	graph.Share[frozen](p)
	p.LeaveIn("graph_test.tree", "noise")
	return p
}

func sample(backwards bool) *tree {
	t := &tree{
		name: "root", sub: map[string]*tree{}, lists: map[int][]leaf{1: {{1}}, 2: {{2}, {3}}},
		list: []leaf{{7}, {8}}, any: &leaf{9}, shared: &frozen{1}, ok: true, ratio: 0.5,
	}
	both := &leaf{5}
	t.twice = [2]*leaf{both, both}
	names := []string{"a", "b", "c", "d"}
	for i := range names {
		if backwards {
			i = len(names) - 1 - i
		}
		t.sub[names[i]] = &tree{name: names[i], up: t, any: leaf{i}}
	}
	return t
}

func TestACopyIsEqualAndSharesNothing(t *testing.T) {
	p, old := plan(), sample(false)
	before := graph.Append(p, nil, old)
	c := graph.Copy(p, old)
	if diff := cmp.Diff(before, graph.Append(p, nil, c)); diff != "" {
		t.Fatal("the copy is another value")
	}
	if c.shared != old.shared {
		t.Error("what may be shared is copied")
	}
	if c.twice[0] != c.twice[1] || c.sub["a"].up != c {
		t.Error("pointers to one value lead to two")
	}
	c.sub["a"].name = "x"
	c.sub["e"] = &tree{}
	c.list[0].N = 1
	c.list = append(c.list[:1], leaf{4})
	c.lists[2][0].N = 1
	c.any.(*leaf).N = 1
	c.twice[0].N = 1
	c.up = c
	if !bytes.Equal(before, graph.Append(p, nil, old)) {
		t.Error("writing to the copy changed what it was copied from")
	}
}

func TestWhatIsWrittenTellsValuesApart(t *testing.T) {
	p := plan()
	want := graph.Append(p, nil, sample(false))
	if !bytes.Equal(want, graph.Append(p, nil, sample(true))) {
		t.Error("the order in which a map was filled shows")
	}
	same := map[string]func(*tree){
		"a field that is left out":      func(v *tree) { v.noise = 3 },
		"an empty slice instead of nil": func(v *tree) { v.sub["a"].list = []leaf{} },
		"an empty map instead of nil":   func(v *tree) { v.sub["a"].sub = map[string]*tree{} },
	}
	for what, change := range same {
		v := sample(false)
		change(v)
		if !bytes.Equal(want, graph.Append(p, nil, v)) {
			t.Errorf("%s shows", what)
		}
	}
	different := map[string]func(*tree){
		"a text":               func(v *tree) { v.name = "r" },
		"a number far inside":  func(v *tree) { v.lists[2][1].N = 4 },
		"a truth":              func(v *tree) { v.ok = false },
		"a fraction":           func(v *tree) { v.ratio = 0.25 },
		"a pointer":            func(v *tree) { v.up = v },
		"a pointer to another": func(v *tree) { v.twice[1] = &leaf{5} },
		"a key":                func(v *tree) { v.sub["f"] = v.sub["a"]; delete(v.sub, "a") },
		"a type":               func(v *tree) { v.any = leaf{9} },
		"a shared value":       func(v *tree) { v.shared = &frozen{2} },
		"nothing":              func(v *tree) { v.any = nil },
	}
	for what, change := range different {
		v := sample(false)
		change(v)
		if bytes.Equal(want, graph.Append(p, nil, v)) {
			t.Errorf("%s does not show", what)
		}
	}
}

func TestWhatCannotBeCopiedIsRefused(t *testing.T) {
	p, v := plan(), sample(false)
	v.call = func() {}
	for what, f := range map[string]func(){
		"copied":                      func() { graph.Copy(p, v) },
		"written down":                func() { graph.Append(p, nil, v) },
		"told of a field that is not": func() { graph.Leave[tree](p, "nois") },
	} {
		t.Run(what, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it is accepted")
				}
			}()
			f()
		})
	}
}

func TestWhatIsLeftOutAndNeverMetIsTold(t *testing.T) {
	p := plan()
	p.LeaveIn("graph_test.twig", "name")
	want := []string{"graph_test.tree.noise", "graph_test.twig.name"}
	if diff := cmp.Diff(want, p.Unmet()); diff != "" {
		t.Error(diff)
	}
	graph.Append(p, nil, sample(false))
	if diff := cmp.Diff(want[1:], p.Unmet()); diff != "" {
		t.Error(diff)
	}
}
