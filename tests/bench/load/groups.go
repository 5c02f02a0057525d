package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"time"
)

func commitFrame(group, topic string, offset int64) frame {
	f := request(8, 6)
	f.str(group)
	f.i32(-1)
	f.str("")
	f.i32(1)
	f.str(topic)
	f.i32(1)
	f.i32(0)
	f.i64(offset)
	f.i32(257)
	f.str("")
	return f
}

func commits(address, topic string, connections int, warm, measured time.Duration) map[string]any {
	begin := time.Now().Add(warm)
	end := begin.Add(measured)
	var lock sync.Mutex
	var latencies []time.Duration
	var wait sync.WaitGroup
	for i := 0; i < connections; i++ {
		wait.Add(1)
		go func(group string) {
			defer wait.Done()
			c := dial(address)
			var mine []time.Duration
			for offset := int64(0); ; offset++ {
				sent := time.Now()
				if sent.After(end) {
					break
				}
				answer := c.call(commitFrame(group, topic, offset))
				must(binary.BigEndian.Uint16(answer[len(answer)-2:]) == 0, "OffsetCommit")
				if sent.After(begin) {
					mine = append(mine, time.Since(sent))
				}
			}
			lock.Lock()
			latencies = append(latencies, mine...)
			lock.Unlock()
		}(fmt.Sprintf("bench-%d", i))
	}
	fmt.Fprintln(os.Stderr, "warm")
	time.Sleep(time.Until(begin))
	fmt.Fprintln(os.Stderr, "begin")
	wait.Wait()
	fmt.Fprintln(os.Stderr, "end")
	result := quantiles(latencies)
	result["connections"], result["commits_per_s"] = connections, float64(len(latencies))/measured.Seconds()
	return result
}

type member struct {
	group      string
	id         string
	generation int
}

// JoinGroup 3: no member id needs to be known before.
func join(c *conn, group string) (member, bool) {
	f := request(11, 3)
	f.str(group)
	f.i32(45_000)
	f.i32(300_000)
	f.str("")
	f.str("consumer")
	f.i32(1)
	f.str("range")
	f.raw("\x00\x00\x00\x00\x00\x00")
	a := c.call(f)
	must(binary.BigEndian.Uint16(a[4:]) == 0, "JoinGroup")
	m := member{group: group, generation: int(binary.BigEndian.Uint32(a[6:]))}
	a = a[10:]
	text := func() string {
		n := int(binary.BigEndian.Uint16(a))
		s := string(a[2 : 2+n])
		a = a[2+n:]
		return s
	}
	text()
	leader := text()
	m.id = text()
	return m, leader == m.id
}

func (m member) sync(c *conn) {
	f := request(14, 1)
	f.str(m.group)
	f.i32(m.generation)
	f.str(m.id)
	f.i32(0)
	a := c.call(f)
	must(binary.BigEndian.Uint16(a[4:]) == 0, "SyncGroup")
}

func (m member) beat(c *conn) {
	f := request(12, 1)
	f.str(m.group)
	f.i32(m.generation)
	f.str(m.id)
	a := c.call(f)
	must(binary.BigEndian.Uint16(a[4:]) == 0, "Heartbeat")
}

func members(address string, groups, perGroup int, every, measured time.Duration) map[string]any {
	connections := make([]*conn, perGroup)
	joined := make([][]member, perGroup)
	for i := range connections {
		connections[i] = dial(address)
	}
	for g := 0; g < groups; g++ {
		var wait sync.WaitGroup
		for i := range connections {
			wait.Add(1)
			go func(i int) {
				defer wait.Done()
				m, _ := join(connections[i], fmt.Sprintf("members-%d", g))
				m.sync(connections[i])
				joined[i] = append(joined[i], m)
			}(i)
		}
		wait.Wait()
	}
	fmt.Fprintln(os.Stderr, "begin")
	end := time.Now().Add(measured)
	var wait sync.WaitGroup
	var lock sync.Mutex
	beats := 0
	for i := range connections {
		wait.Add(1)
		go func(i int) {
			defer wait.Done()
			mine := 0
			time.Sleep(every * time.Duration(i) / time.Duration(len(connections)))
			for next := time.Now(); next.Before(end); next = next.Add(every / time.Duration(groups)) {
				time.Sleep(time.Until(next))
				joined[i][mine%groups].beat(connections[i])
				mine++
			}
			lock.Lock()
			beats += mine
			lock.Unlock()
		}(i)
	}
	wait.Wait()
	fmt.Fprintln(os.Stderr, "end")
	return map[string]any{"members": groups * perGroup, "groups": groups, "heartbeats_per_s": float64(beats) / measured.Seconds()}
}
