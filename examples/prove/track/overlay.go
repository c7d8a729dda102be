package track

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// Overlay writes the file with the defect into dir, and beside it the file that
// the go tool's flag -overlay takes, whose path it returns.
func (m Mutation) Overlay(root, dir string) (string, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	source, err := m.apply(root)
	if err != nil {
		return "", err
	}
	defect := filepath.Join(dir, "defect.go")
	if err := os.WriteFile(defect, []byte(source), 0o600); err != nil {
		return "", err
	}
	b, err := json.Marshal(map[string]map[string]string{
		"Replace": {filepath.Join(root, filepath.FromSlash(m.File)): defect},
	})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, b, 0o600)
}
