// Package etcd is a durable store in an etcd cluster.
package etcd
