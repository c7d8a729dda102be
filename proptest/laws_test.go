package proptest_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/rollmend/rollmend/proptest"
)

func TestLaws(t *testing.T) {
	for p := range proptest.Laws() {
		t.Run(p.Name, rapid.MakeCheck(func(t *rapid.T) {
			if err := p.Check(t, proptest.Real()); err != nil {
				t.Fatal(err)
			}
		}))
	}
}
