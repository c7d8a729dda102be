package main

import (
	"context"
	"flag"
	"net/http"
	"strings"
	"time"

	"github.com/rollmend/rollmend/adapters/httpapi"
	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/examples/certs"
	"github.com/rollmend/rollmend/examples/recovery/host"
	"github.com/rollmend/rollmend/states"
)

// The agents' pace, in parts of a cycle: the proportions of a fleet whose cycle
// is a minute.
const (
	retriesPerCycle = 8
	probesPerCycle  = 10
	failsPerCycle   = 4
)

// runAgent is the process of one host's agent.
func runAgent(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet(roleAgent, flag.ExitOnError)
	name := flags.String("host", "", "the host's name")
	folder := flags.String("folder", "", "the host's folder")
	cache := flags.String("cache", "", "the folder of closures to fetch from")
	keys := flags.String("certs", "", "the folder of certificates")
	bases := flags.String("control-planes", "", "the addresses of the control planes, with a comma between two")
	first := flags.Bool("first-generation", false, "be one of the agents that were deployed before")
	onFailure := flags.String("on-failure", "", "what to do on a failure where the dispatch does not say")
	cycle := flags.Duration("cycle", 0, "the time between two heartbeats")
	if err := flags.Parse(args); err != nil {
		return err
	}
	policy, err := states.ParseOnFailure(*onFailure)
	if err != nil {
		return err
	}
	cfg, err := certs.Load(*keys, *name)
	if err != nil {
		return err
	}
	generation := agent.Present
	if *first {
		generation = agent.First
	}
	return host.Run(ctx, host.Options{
		Config: agent.Config{
			Host: states.Host(*name), Generation: generation,
			BeatEvery: *cycle, RetryEvery: *cycle / retriesPerCycle, ProbeEvery: *cycle / probesPerCycle, FailAfter: *cycle / failsPerCycle,
			OnFailure: policy,
		},
		Folder: host.Folder(*folder),
		Cache:  *cache,
		Client: &httpapi.Client{
			Base: "https://" + serverName,
			Host: states.Host(*name),
			HTTP: &http.Client{Transport: &roaming{
				to: strings.Split(*bases, ","),
				by: &http.Transport{TLSClientConfig: cfg, IdleConnTimeout: time.Minute},
			}},
		},
	})
}
