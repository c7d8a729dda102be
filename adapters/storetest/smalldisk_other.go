//go:build !linux

package storetest

import "testing"

// Disk is a small file system that nothing but a test uses.
type Disk struct {
	Dir string // where it is mounted
}

// OnSmallDisk takes Linux.
func OnSmallDisk(t *testing.T, _ func(t *testing.T, d Disk)) {
	t.Skip("a small file system of a test's own takes Linux")
}

// Fill is not called where there is no small disk.
func (Disk) Fill(t testing.TB) (giveBack func()) {
	t.Fatal("there is no small disk")
	return nil
}
