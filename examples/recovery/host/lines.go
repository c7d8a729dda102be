package host

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// Lines is a file of lines that is only ever appended to. What was appended is
// there after a kill or a power cut at any point; a line that was cut off is
// not.
type Lines struct {
	file *os.File
	size int64 // up to the end of the last whole line
}

// DamageError says that lines of the middle of a file cannot be read: no kill
// does that.
type DamageError struct {
	Path string
	Line int // from 1
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("host: %s, line %d: the checksum does not fit and more lines follow: the file was damaged, move it away", e.Path, e.Line)
}

// OpenLines opens or creates a file and returns the lines that it has. A line
// at the end that was cut off is removed. The error is a [*DamageError] where a
// line in the middle cannot be read.
func OpenLines(path string) (*Lines, [][]byte, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, nil, fmt.Errorf("host: %w", err)
	}
	fail := func(err error) (*Lines, [][]byte, error) {
		file.Close()
		return nil, nil, err
	}
	content, err := io.ReadAll(file)
	if err != nil {
		return fail(fmt.Errorf("host: %w", err))
	}
	lines, size, err := split(path, content)
	if err != nil {
		return fail(err)
	}
	l := &Lines{file: file, size: size}
	if err := l.cut(); err != nil {
		return fail(fmt.Errorf("host: %w", err))
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return fail(fmt.Errorf("host: %w", err))
	}
	return l, lines, nil
}

// Append adds lines and returns once they are on the disk. They must not have
// line ends in them. After an error none of them is there.
func (l *Lines) Append(lines ...[]byte) error {
	var b []byte
	for _, line := range lines {
		b = frame(b, line)
	}
	_, err := l.file.WriteAt(b, l.size)
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		if cutErr := l.cut(); cutErr != nil {
			return fmt.Errorf("host: %w, and what was written could not be taken back: %w", err, cutErr)
		}
		return fmt.Errorf("host: %w", err)
	}
	l.size += int64(len(b))
	return nil
}

// Close closes the file.
func (l *Lines) Close() error { return l.file.Close() }

// cut removes what is behind the last whole line.
func (l *Lines) cut() error {
	if err := l.file.Truncate(l.size); err != nil {
		return err
	}
	return l.file.Sync()
}

// crcLen is the length of a checksum and the space behind it.
const crcLen = 9

// frame appends a line with its checksum in front: after a power cut the end
// of a file may have a line's length without its content.
func frame(b, line []byte) []byte {
	b = fmt.Appendf(b, "%08x ", crc32.ChecksumIEEE(line))
	return append(append(b, line...), '\n')
}

// split returns the lines of a content and where the last whole one ends.
func split(path string, content []byte) (lines [][]byte, size int64, err error) {
	for rest := content; len(rest) > 0; {
		framed, after, whole := bytes.Cut(rest, []byte("\n"))
		line, ok := unframe(framed)
		switch {
		case whole && ok:
			lines = append(lines, line)
			size += int64(len(framed)) + 1
		case len(after) > 0:
			return nil, 0, &DamageError{Path: path, Line: len(lines) + 1}
		}
		rest = after
	}
	return lines, size, nil
}

func unframe(framed []byte) ([]byte, bool) {
	if len(framed) < crcLen {
		return nil, false
	}
	sum, err := strconv.ParseUint(string(framed[:crcLen-1]), 16, 32)
	line := framed[crcLen:]
	return line, err == nil && uint32(sum) == crc32.ChecksumIEEE(line)
}
