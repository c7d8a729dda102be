// Package proptest holds the laws of rollmend as properties: sentences that
// random lives of hosts, records and fleets try to break.
//
// Start with [Laws]. Each [Property] is checked against a [System], the
// functions that decide; [Real] is ours. A system with a defect put into one of
// its functions must be caught, which [Property.Search] shows without failing a
// test:
//
//	for p := range proptest.Laws() {
//		t.Run(p.Name, rapid.MakeCheck(func(t *rapid.T) {
//			if err := p.Check(t, proptest.Real()); err != nil {
//				t.Fatal(err)
//			}
//		}))
//	}
//
// The oracles here are written from the specification and share no code with
// what they judge. What fails is told as a trace of what happened, oldest
// first.
package proptest
