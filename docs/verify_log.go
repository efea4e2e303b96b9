// Verifies a whole log over the network, with the packages that verify Go's own checksum database, and nothing of ours.
//
//	go run verify_log.go URL API_KEY VERIFIER_KEY [KEPT_CHECKPOINT]
//
// VERIFIER_KEY is a public key of the log as it was once published (interflow/wsp_...+1f0c96e2+AQ...), KEPT_CHECKPOINT a
// file with a checkpoint that was kept: the log must begin with it. Needs golang.org/x/mod.
package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// log is a log that is read over HTTP.
type log struct{ url, key string }

func (l log) get(path string) ([]byte, error) {
	request, err := http.NewRequest("GET", l.url+"/v1/audit/log/"+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+l.key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, response.Status, body)
	}
	return body, err
}

// path is where tlog-tiles has a tile: without the height, which is always 8.
func path(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
}

func (l log) Height() int { return height }

func (l log) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := l.get(path(tile))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (l log) SaveTiles([]tlog.Tile, [][]byte) {}

// entries are those of a bundle: each after its length in two bytes.
func (l log) entries(bundle int64, width int) ([][]byte, error) {
	tile := tlog.Tile{H: height, L: -1, N: bundle, W: width}
	data, err := l.get(strings.Replace(path(tile), "tile/data/", "tile/entries/", 1))
	var entries [][]byte
	for err == nil && len(data) > 0 {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("the entries of bundle %d are cut off", bundle)
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		entries, data = append(entries, data[2:end]), data[end:]
	}
	if err == nil && len(entries) != width {
		err = fmt.Errorf("bundle %d has %d entries instead of %d", bundle, len(entries), width)
	}
	return entries, err
}

// open checks the signature of a checkpoint, and gives the tree that it is of.
func open(text []byte, verifier note.Verifier) (tlog.Tree, error) {
	signed, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("the checkpoint is of another tree")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

func verify(l log, key string, kept string) error {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return err
	}
	text, err := l.get("checkpoint")
	if err != nil {
		return err
	}
	tree, err := open(text, verifier)
	if err != nil {
		return err
	}
	// What it reads is checked against the root.
	hashes := tlog.TileHashReader(tree, l)
	for first := int64(0); first < tree.N; first += 1 << height {
		width := tree.N - first
		if width > 1<<height {
			width = 1 << height
		}
		entries, err := l.entries(first>>height, int(width))
		if err != nil {
			return err
		}
		for offset, entry := range entries {
			index := first + int64(offset)
			proof, err := tlog.ProveRecord(tree.N, index, hashes)
			if err != nil {
				return err
			}
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)); err != nil {
				return fmt.Errorf("event %d: %w", index+1, err)
			}
		}
	}
	if kept != "" {
		text, err := os.ReadFile(kept)
		if err != nil {
			return err
		}
		old, err := open(text, verifier)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveTree(tree.N, old.N, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
			return fmt.Errorf("the log does not begin with the one of %d events: %w", old.N, err)
		}
	}
	fmt.Printf("verified: %d events with the root %s\n", tree.N, tree.Hash)
	return nil
}

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "go run verify_log.go URL API_KEY VERIFIER_KEY [KEPT_CHECKPOINT]")
		os.Exit(2)
	}
	kept := strings.Join(os.Args[4:], "")
	if err := verify(log{os.Args[1], os.Args[2]}, os.Args[3], kept); err != nil {
		fmt.Fprintln(os.Stderr, "NOT VERIFIED:", err)
		os.Exit(1)
	}
}
