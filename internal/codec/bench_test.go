package codec_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// soaking is a record as most are: acknowledged, activated, with a few probes.
func soaking() states.Record {
	rec := states.Record{
		Key:    states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "a1b2c3d4"}, Host: "web-0017"},
		Wave:   2,
		Target: "/nix/store/q0l9z1k3v8-nixos-system-web-0017-26.05",
		Policy: states.Policy{Soak: 10 * time.Minute, OnFailure: states.RollbackAndHalt},
		Opened: 1_790_000_000_000, Dispatched: 1_790_000_010_000, LastSeq: 4, Revision: 5,
	}
	rec.State = states.Soaking
	rec.AtDispatch, rec.Current = "/nix/store/08d7s6a5f4-nixos-system-web-0017-25.11", rec.Target
	rec.Set(states.AckedAt, 1_790_000_011_000, true)
	rec.Set(states.ActivatedAt, 1_790_000_060_000, true)
	rec.Set(states.LastTransitionAt, 1_790_000_060_000, true)
	rec.LastOrder = states.Order{Boot: 12, Beat: 340}
	for _, name := range []string{"disk", "http", "systemd"} {
		rec.Probes = rec.Probes.With(states.Probe{Name: name, Mode: states.Enforce, Declared: true, Status: states.Pass, At: 1_790_000_070_000})
	}
	return rec
}

func BenchmarkAppendRecord(b *testing.B) {
	rec := soaking()
	buf := codec.AppendRecord(nil, &rec)
	b.ReportMetric(float64(len(buf)), "B/record")
	b.ReportAllocs()
	for b.Loop() {
		buf = codec.AppendRecord(buf[:0], &rec)
	}
}

func BenchmarkDecodeRecord(b *testing.B) {
	rec := soaking()
	buf := codec.AppendRecord(nil, &rec)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := codec.DecodeRecord(buf); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpening(b *testing.B) {
	const hosts = 100_000
	o := adapters.Opening{Rollout: states.Rollout{Channel: "stable", Ref: "a1b2c3d4"}, At: 1_790_000_000_000}
	for i := range hosts {
		o.Members = append(o.Members, adapters.Member{
			Host:   states.Host(fmt.Sprintf("web-%06d", i)),
			Opened: reducer.Opened{Wave: states.Wave(i % 10), Target: "/nix/store/q0l9z1k3v8-nixos-system-26.05"},
		})
	}
	var buf []byte
	for b.Loop() {
		var err error
		if buf, err = codec.AppendOpening(buf[:0], &o); err != nil {
			b.Fatal(err)
		}
		if _, err = codec.DecodeOpening(buf); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(buf))/hosts, "B/host")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/hosts, "ns/host")
}

func BenchmarkAppendChange(b *testing.B) {
	rec := soaking()
	c := adapters.Change{Expect: rec.Revision, Record: rec}
	from := states.Observation{At: 1_790_000_090_000, Order: states.Order{Boot: 12, Beat: 341}, Current: rec.Target}
	for _, body := range []reducer.Body{
		reducer.ProbeResult{Probe: "http", Mode: states.Enforce, Status: states.Pass},
		reducer.Converged{Current: rec.Target},
	} {
		ev := reducer.Event{Key: rec.Key, At: 1_790_000_090_000, Body: body}
		ev.Origin = reducer.Origin{By: reducer.BySynthesis, Case: states.ReportAhead, From: from}
		c.Record.Revision++
		c.Effects = append(c.Effects, reducer.Effects{Entry: reducer.LogEntry{
			Revision: c.Record.Revision, Disposition: reducer.Applied, Event: ev,
		}})
	}
	buf, err := codec.AppendChange(nil, &c)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(len(buf)), "B/change")
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = codec.AppendChange(buf[:0], &c)
	}
}
