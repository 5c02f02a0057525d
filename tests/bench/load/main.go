// load MODE ADDRESS [ADDRESS] [flags]: load on one region or two, as plain frames over TCP so that the load costs little itself.
// Prints one JSON line; "begin" and "end" on stderr bound what is measured.
//
//	commits: simple consumers, one OffsetCommit of one partition in flight per connection.
//	members: groups whose members join for real and then only heartbeat; one connection carries one member of each group.
//	synced:  commits at the first region, each awaited at the second.
//	writes:  producers with acks=all that go on in the other region whenever one refuses or is gone.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

func main() {
	flags := flag.NewFlagSet("load", flag.ExitOnError)
	topic := flags.String("topic", "bench", "the topic, which must exist")
	connections := flags.Int("connections", 256, "commits, synced, writes: how many at once")
	groups := flags.Int("groups", 10, "members, synced: how many groups")
	perGroup := flags.Int("per-group", 1000, "members: members of each, and connections")
	every := flags.Duration("every", 3*time.Second, "members: between two heartbeats of one; writes: between two batches of a partition")
	partitions := flags.Int("partitions", 12, "writes: of the topic")
	rate := flags.Int("rate", 10_000, "writes: records per second over all partitions")
	size := flags.Int("size", 1024, "writes: bytes of a record's value")
	measured := flags.Duration("time", 10*time.Second, "how long")
	if len(os.Args) < 3 {
		check(fmt.Errorf("usage: load MODE ADDRESS [ADDRESS] [flags]"))
	}
	addresses := []string{os.Args[2]}
	rest := os.Args[3:]
	if len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		addresses, rest = append(addresses, rest[0]), rest[1:]
	}
	check(flags.Parse(rest))
	var result map[string]any
	switch os.Args[1] {
	case "commits":
		result = commits(addresses[0], *topic, *connections, 2*time.Second, *measured)
	case "members":
		result = members(addresses[0], *groups, *perGroup, *every, *measured)
	case "synced":
		result = synced(addresses[0], addresses[1], *topic, *groups, *connections, *measured)
	case "writes":
		result = writes(addresses, *topic, *partitions, *connections, *rate, *size, *every, *measured)
	default:
		check(fmt.Errorf("what is %s?", os.Args[1]))
	}
	check(json.NewEncoder(os.Stdout).Encode(result))
}
