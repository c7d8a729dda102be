// Package host is a host that really exists: a folder with a profile in which
// a closure is a folder and activation is a switched symlink, a journal that
// survives being killed, probes that look at what was activated, and the
// process that drives the pure machine of package agent with them.
//
// Start with [Run]. Everything that has to outlive the process is in the
// host's [Folder]; whoever wants to know what the host really did reads its
// diary there, which the agent itself never reads.
package host
