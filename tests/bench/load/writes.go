package main

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func varint(b []byte, v int64) []byte { return binary.AppendVarint(b, v) }

// A record batch of `count` records of `size` zero bytes, format 2, no codec, no producer id.
func recordBatch(count, size int) []byte {
	var records []byte
	value := make([]byte, size)
	for i := 0; i < count; i++ {
		body := varint(varint([]byte{0}, 0), int64(i))
		body = append(varint(varint(body, -1), int64(size)), value...)
		body = varint(body, 0)
		records = append(varint(records, int64(len(body))), body...)
	}
	now := uint64(time.Now().UnixMilli())
	var tail frame
	tail.i16(0)
	tail.i32(count - 1)
	tail = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(tail, now), now)
	tail.i64(-1)
	tail.i16(-1)
	tail.i32(-1)
	tail.i32(count)
	tail = append(tail, records...)
	var head frame
	head.i64(0)
	head.i32(4 + 1 + 4 + len(tail))
	head.i32(-1)
	head = append(head, 2)
	head = binary.BigEndian.AppendUint32(head, crc32.Checksum(tail, castagnoli))
	return append(head, tail...)
}

func produceFrame(topic string, partition int, batch []byte) frame {
	f := request(0, 3)
	f.i16(-1)
	f.i16(-1)
	f.i32(5000)
	f.i32(1)
	f.str(topic)
	f.i32(1)
	f.i32(partition)
	f.raw(string(batch))
	return f
}

// A producer's connection that may break: then the next call dials again.
type producer struct {
	address string
	conn    net.Conn
}

// Whether the batch was accepted.
func (p *producer) send(f frame, topic string) bool {
	if p.conn == nil {
		c, err := net.DialTimeout("tcp", p.address, time.Second)
		if err != nil {
			return false
		}
		p.conn = c
	}
	answer, err := p.call(f)
	if err != nil {
		p.conn.Close()
		p.conn = nil
		return false
	}
	// Correlation id, one topic, its name, one partition, its index; then the error.
	return binary.BigEndian.Uint16(answer[4+4+2+len(topic)+4+4:]) == 0
}

func (p *producer) call(f frame) ([]byte, error) {
	binary.BigEndian.PutUint32(f, uint32(len(f)-4))
	if _, err := p.conn.Write(f); err != nil {
		return nil, err
	}
	var size [4]byte
	if _, err := io.ReadFull(p.conn, size[:]); err != nil {
		return nil, err
	}
	answer := make([]byte, binary.BigEndian.Uint32(size[:]))
	_, err := io.ReadFull(p.conn, answer)
	return answer, err
}

type written struct {
	region   int       // that accepted the last batch
	last     time.Time // when
	moved    time.Time // when the other region accepted its first
	gap      time.Duration
	accepted int
}

// The partitions first, first+step, ... by one connection per region, each batch tried until a region takes it.
func writer(addresses []string, topic string, first, step int, states []written, batch []byte, records int, every time.Duration,
	end time.Time) {
	producers := []*producer{{address: addresses[0]}, {address: addresses[1]}}
	for next := time.Now(); next.Before(end); next = next.Add(every) {
		time.Sleep(time.Until(next))
		refused := false
		for partition := first; partition < len(states); partition += step {
			state := &states[partition]
			frame := produceFrame(topic, partition, batch)
			region := state.region
			if !producers[region].send(frame, topic) {
				region = 1 - region
				if !producers[region].send(frame, topic) {
					refused = true
					continue
				}
			}
			now := time.Now()
			if !state.last.IsZero() {
				state.gap = max(state.gap, now.Sub(state.last))
			}
			if region != state.region && state.moved.IsZero() {
				state.moved = now
			}
			state.region, state.last = region, now
			state.accepted += records
		}
		if refused {
			next = time.Now().Add(5*time.Millisecond - every)
		}
	}
}

func writes(addresses []string, topic string, partitions, connections, rate, size int, every, measured time.Duration) map[string]any {
	records := max(1, int(float64(rate)*every.Seconds()/float64(partitions)))
	batch := recordBatch(records, size)
	states := make([]written, partitions)
	connections = min(connections, partitions)
	end := time.Now().Add(measured)
	fmt.Fprintln(os.Stderr, "begin")
	var wait sync.WaitGroup
	for i := 0; i < connections; i++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			writer(addresses, topic, i, connections, states, batch, records, every, end)
		}()
	}
	wait.Wait()
	fmt.Fprintln(os.Stderr, "end")
	var gaps []time.Duration
	firstMoved, lastMoved, moved, accepted := int64(0), int64(0), 0, 0
	for _, state := range states {
		gaps = append(gaps, state.gap)
		accepted += state.accepted
		if state.moved.IsZero() {
			continue
		}
		at := state.moved.UnixMilli()
		if moved == 0 || at < firstMoved {
			firstMoved = at
		}
		lastMoved = max(lastMoved, at)
		moved++
	}
	result := quantiles(gaps)
	result["partitions"], result["moved"] = partitions, moved
	result["records_per_s"] = float64(accepted) / measured.Seconds()
	result["first_moved_unix_ms"], result["last_moved_unix_ms"] = firstMoved, lastMoved
	return result
}
