package main

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// sample is what was known at one moment.
type sample struct {
	at                time.Duration
	beaten, converged int
}

// plot follows a recovery.
type plot struct {
	cycle   time.Duration
	samples []sample
}

// samplesMost bounds the points of a plot; tellEvery is between two lines of
// progress.
const (
	sampleAfter = 100 * time.Millisecond
	tellEvery   = 5 * time.Second
)

// follow notes how far the recovery is until it is stopped, and says it now and
// then.
func (pl *plot) follow(p *plane, beaten *atomic.Int64) (stop func()) {
	began, done, ended := time.Now(), make(chan struct{}), make(chan struct{})
	note := func() sample {
		converged, _ := p.seen.progress()
		s := sample{time.Since(began), int(beaten.Load()), converged}
		pl.samples = append(pl.samples, s)
		return s
	}
	go func() {
		defer close(ended)
		told := time.Duration(0)
		tick := time.NewTicker(sampleAfter)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if s := note(); s.at-told >= tellEvery {
					told = s.at
					fmt.Printf("  %3.0f s: %d hosts have beaten, %d of them are held, %d Converged\n",
						s.at.Seconds(), s.beaten, s.beaten-s.converged, s.converged)
				}
			case <-done:
				note()
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

// The plot's size, and its margins, in pixels.
const (
	width, height = 900, 420
	left, right   = 80, 20
	top, bottom   = 40, 50
)

// draw returns the plot as an SVG: hosts by state over time.
func (pl *plot) draw(hosts int) string {
	last := pl.samples[len(pl.samples)-1].at
	x := func(at time.Duration) float64 {
		return left + (width-left-right)*float64(at)/float64(max(last, 1))
	}
	y := func(n int) float64 { return height - bottom - (height-top-bottom)*float64(n)/float64(hosts) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	area := func(fill string, low, high func(sample) int) {
		var points []string
		for _, s := range pl.samples {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(s.at), y(high(s))))
		}
		for i := len(pl.samples) - 1; i >= 0; i-- {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(pl.samples[i].at), y(low(pl.samples[i]))))
		}
		fmt.Fprintf(&b, `<polygon fill="%s" points="%s"/>`+"\n", fill, strings.Join(points, " "))
	}
	none, converged := func(sample) int { return 0 }, func(s sample) int { return s.converged }
	beaten, all := func(s sample) int { return max(s.beaten, s.converged) }, func(sample) int { return hosts }
	area("#2e7d4f", none, converged)
	area("#e8b04a", converged, beaten)
	area("#d9d9d9", beaten, all)
	for i, l := range []struct{ fill, text string }{
		{"#d9d9d9", "Pending, not heard of yet"}, {"#e8b04a", "Pending, heard of, held by gates"}, {"#2e7d4f", "Converged"},
	} {
		fmt.Fprintf(&b, `<rect x="%d" y="12" width="14" height="14" fill="%s"/><text x="%d" y="24">%s</text>`+"\n",
			left+i*250, l.fill, left+20+i*250, l.text)
	}
	for i := range 5 {
		n := hosts * i / 4
		fmt.Fprintf(&b, `<text x="%d" y="%.1f" text-anchor="end">%d</text>`+"\n", left-8, y(n)+4, n)
		at := last * time.Duration(i) / 4
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%.1f s</text>`+"\n", x(at), height-bottom+20, at.Seconds())
	}
	if pl.cycle > 0 && pl.cycle < last {
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="black" stroke-dasharray="4"/><text x="%.1f" y="%d" text-anchor="end">one cycle</text>`+"\n",
			x(pl.cycle), top, x(pl.cycle), height-bottom, x(pl.cycle)-6, top+14)
	}
	b.WriteString("</svg>\n")
	return b.String()
}
