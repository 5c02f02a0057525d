package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"sort"
	"sync"
	"time"
)

// OffsetFetch 1: the offset of partition 0, -1 when there is none.
func committedOffset(c *conn, group, topic string) int64 {
	f := request(9, 1)
	f.str(group)
	f.i32(1)
	f.str(topic)
	f.i32(1)
	f.i32(0)
	a := c.call(f)
	// One topic, its name, one partition, its index; then the offset.
	return int64(binary.BigEndian.Uint64(a[4+2+len(topic)+4+4:]))
}

func quantiles(latencies []time.Duration) map[string]any {
	sort.Slice(latencies, func(a, b int) bool { return latencies[a] < latencies[b] })
	at := func(q float64) float64 {
		return float64(latencies[int(q*float64(len(latencies)-1))].Microseconds()) / 1000
	}
	return map[string]any{"p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1)}
}

// Commits at `owner` in turns over all groups; how long after its acknowledgement each is answered by `mirror`.
func synced(owner, mirror, topic string, groups, connections int, measured time.Duration) map[string]any {
	var lock sync.Mutex
	var latencies []time.Duration
	var wait sync.WaitGroup
	for group := 0; group < groups; group++ {
		c := dial(owner)
		answer := c.call(commitFrame(fmt.Sprintf("synced-%d", group), topic, 1))
		must(binary.BigEndian.Uint16(answer[len(answer)-2:]) == 0, "OffsetCommit")
		c.Close()
	}
	last := dial(mirror)
	for committedOffset(last, fmt.Sprintf("synced-%d", groups-1), topic) != 1 {
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Fprintln(os.Stderr, "begin")
	end := time.Now().Add(measured)
	for i := 0; i < connections; i++ {
		wait.Add(1)
		go func(first int) {
			defer wait.Done()
			a, b := dial(owner), dial(mirror)
			var mine []time.Duration
			for offset := int64(2); time.Now().Before(end); offset++ {
				for group := first; group < groups && time.Now().Before(end); group += connections {
					name := fmt.Sprintf("synced-%d", group)
					answer := a.call(commitFrame(name, topic, offset))
					must(binary.BigEndian.Uint16(answer[len(answer)-2:]) == 0, "OffsetCommit")
					acknowledged := time.Now()
					for committedOffset(b, name, topic) != offset {
						time.Sleep(time.Millisecond)
					}
					mine = append(mine, time.Since(acknowledged))
				}
			}
			lock.Lock()
			latencies = append(latencies, mine...)
			lock.Unlock()
		}(i)
	}
	wait.Wait()
	fmt.Fprintln(os.Stderr, "end")
	result := quantiles(latencies)
	result["groups"], result["at_once"] = groups, connections
	result["commits_per_s"] = float64(len(latencies)) / measured.Seconds()
	return result
}
