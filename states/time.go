package states

import "time"

// Time is an instant in Unix milliseconds; whose clock it was read from is
// said where it is kept. Zero means "not set". It is what every store keeps, so
// that a stored time is the very one that the reducer saw.
type Time int64

// TimeOf converts t, rounding down to the millisecond. The zero time.Time
// gives the zero Time. It is meant for the edge, where times come in.
func TimeOf(t time.Time) Time {
	if t.IsZero() {
		return 0
	}
	return Time(t.UnixMilli())
}

// IsSet reports whether t was ever set.
func (t Time) IsSet() bool { return t != 0 }

// UTC returns t for readers; the zero Time gives the zero time.Time.
func (t Time) UTC() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(t)).UTC()
}

// Add returns t+d, with d cut to whole milliseconds.
func (t Time) Add(d time.Duration) Time { return t + Time(d.Milliseconds()) }

// Sub returns t-u.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t-u) * time.Millisecond }

// String returns t in RFC 3339 with milliseconds, in UTC, or "never".
func (t Time) String() string {
	if t == 0 {
		return "never"
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z07:00")
}
