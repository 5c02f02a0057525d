// groups commits|members ADDRESS [flags]: load on a region's group coordinator, as plain frames over TCP so that the load costs
// little itself. Prints one JSON line.
//
//	commits: simple consumers, one OffsetCommit of one partition in flight per connection.
//	members: groups whose members join for real and then only heartbeat; one connection carries one member of each group.
package main

import (
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"sort"
	"sync"
	"time"
)

type frame []byte

func (f *frame) i16(v int)    { *f = binary.BigEndian.AppendUint16(*f, uint16(v)) }
func (f *frame) i32(v int)    { *f = binary.BigEndian.AppendUint32(*f, uint32(v)) }
func (f *frame) i64(v int64)  { *f = binary.BigEndian.AppendUint64(*f, uint64(v)) }
func (f *frame) str(s string) { f.i16(len(s)); *f = append(*f, s...) }
func (f *frame) raw(s string) { f.i32(len(s)); *f = append(*f, s...) }

func request(key, version int) frame {
	f := frame{0, 0, 0, 0}
	f.i16(key)
	f.i16(version)
	f.i32(1)
	f.str("bench")
	return f
}

type conn struct {
	net.Conn
	buffer []byte
}

func dial(address string) *conn {
	c, err := net.Dial("tcp", address)
	check(err)
	return &conn{Conn: c}
}

// The answer behind its correlation id.
func (c *conn) call(f frame) []byte {
	binary.BigEndian.PutUint32(f, uint32(len(f)-4))
	_, err := c.Write(f)
	check(err)
	var size [4]byte
	_, err = io.ReadFull(c, size[:])
	check(err)
	n := int(binary.BigEndian.Uint32(size[:]))
	if cap(c.buffer) < n {
		c.buffer = make([]byte, n)
	}
	c.buffer = c.buffer[:n]
	_, err = io.ReadFull(c, c.buffer)
	check(err)
	return c.buffer[4:]
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func must(ok bool, what string) {
	if !ok {
		check(fmt.Errorf("unexpected answer: %s", what))
	}
}

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
	sort.Slice(latencies, func(a, b int) bool { return latencies[a] < latencies[b] })
	at := func(q float64) float64 {
		return float64(latencies[int(q*float64(len(latencies)-1))].Microseconds()) / 1000
	}
	return map[string]any{"connections": connections, "commits_per_s": float64(len(latencies)) / measured.Seconds(),
		"p50_ms": at(0.5), "p99_ms": at(0.99)}
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

func main() {
	flags := flag.NewFlagSet("groups", flag.ExitOnError)
	topic := flags.String("topic", "bench", "commits: the topic, which must exist")
	connections := flags.Int("connections", 256, "commits: how many consumers")
	groups := flags.Int("groups", 10, "members: how many groups")
	perGroup := flags.Int("per-group", 1000, "members: members of each, and connections")
	every := flags.Duration("every", 3*time.Second, "members: between two heartbeats of one")
	measured := flags.Duration("time", 10*time.Second, "how long")
	check(flags.Parse(os.Args[3:]))
	var result map[string]any
	if os.Args[1] == "commits" {
		result = commits(os.Args[2], *topic, *connections, 2*time.Second, *measured)
	} else {
		result = members(os.Args[2], *groups, *perGroup, *every, *measured)
	}
	check(json.NewEncoder(os.Stdout).Encode(result))
}
