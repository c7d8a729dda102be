package adapters

import "time"

// WallClock is the machine's clock.
type WallClock struct{}

// Now implements [Clock].
func (WallClock) Now() time.Time { return time.Now() }
