package sqlite_test

import (
	"context"
	"database/sql"
	"os"
	"syscall"
	"unsafe"

	"github.com/rollmend/rollmend/adapters/storetest"
)

const (
	inWrite      = "in the middle of a write to the WAL"
	inCheckpoint = "in the middle of a checkpoint"
)

// filePoints lie inside of SQLite's own writes to its files: the system kills
// the process in the write that crosses a limit, after the part before it.
var filePoints = []string{inWrite, inCheckpoint}

const (
	// stride is how far apart two passings of a point are in a file: about two
	// pages, and at a place of its own in them.
	stride = 8*1024 + 331

	// shared is what SQLite's file of shared memory takes: a limit below it
	// would be crossed there.
	shared = 64 * 1024
)

// prepareFiles has a checkpoint cut that writes what a killed process left in
// the WAL.
func prepareFiles(ctx context.Context, db *sql.DB, p *storetest.Process, path string) error {
	if p.Point != inCheckpoint {
		return nil
	}
	lift, err := cutBehind(max(size(path), shared) + int64(p.Passing)*stride)
	if err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		return err
	}
	return lift()
}

// limitFiles has the next growth of the WAL cut.
func limitFiles(p *storetest.Process, path string) error {
	if p.Point != inWrite {
		return nil
	}
	_, err := cutBehind(max(size(path), size(path+"-wal"), shared) + int64(p.Passing)*stride)
	return err
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0 // not there yet
	}
	return info.Size()
}

// cutBehind has the system kill the process as soon as it writes to any file
// beyond a place: by SIGXFSZ, whose default that is; the runtime's own handler
// would end the process as well, but with more to do.
func cutBehind(at int64) (lift func() error, err error) {
	var byDefault [64]byte // a struct sigaction of zeros
	if _, _, no := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGXFSZ),
		uintptr(unsafe.Pointer(&byDefault)), 0, 8, 0, 0); no != 0 {
		return nil, no
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return nil, err
	}
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		return nil, err
	}
	limit := syscall.Rlimit{Cur: uint64(at), Max: was.Max}
	return func() error { return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was) }, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)
}
