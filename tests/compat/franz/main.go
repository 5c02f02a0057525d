// franz ADDRESS CODEC: creates a topic, produces, consumes and deletes with franz-go, and checks what comes back.
// franz ADDRESS group BALANCER: members of a consumer group come and go, and read everything.
// franz-go speaks the highest versions that both sides know, so this walks the flexible encodings.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	records    = 3000
	partitions = 3
)

func codec(name string) kgo.CompressionCodec {
	return map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}[name]
}

func record(topic string, n int) *kgo.Record {
	r := &kgo.Record{
		Topic: topic, Partition: int32(n % partitions), Timestamp: time.UnixMilli(1_650_000_000_000 + int64(n)),
		Headers: []kgo.RecordHeader{{Key: "n", Value: fmt.Appendf(nil, "%d", n)}},
	}
	if n%5 != 0 {
		r.Key = fmt.Appendf(nil, "key-%d", n)
	}
	if n%7 != 0 {
		r.Value = bytes.Repeat(fmt.Appendf(nil, "value-%d ", n), n%30+1)
	}
	return r
}

func same(a, b *kgo.Record) bool {
	return bytes.Equal(a.Key, b.Key) && (a.Key == nil) == (b.Key == nil) && bytes.Equal(a.Value, b.Value) &&
		(a.Value == nil) == (b.Value == nil) && a.Timestamp.Equal(b.Timestamp) && len(b.Headers) == 1 &&
		bytes.Equal(a.Headers[0].Value, b.Headers[0].Value)
}

func run(ctx context.Context, address, name string) error {
	topic := "franz-" + name
	client, err := kgo.NewClient(
		kgo.SeedBrokers(address), kgo.ProducerBatchCompression(codec(name)), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(time.Second))
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopic(ctx, partitions, 1, nil, topic); err != nil {
		return fmt.Errorf("create: %w", err)
	}
	sent := make(map[int32][]*kgo.Record)
	for n := range records {
		r := record(topic, n)
		sent[r.Partition] = append(sent[r.Partition], r)
		client.Produce(ctx, r, func(_ *kgo.Record, e error) {
			if e != nil {
				err = e
			}
		})
	}
	if flush := client.Flush(ctx); flush != nil || err != nil {
		return fmt.Errorf("produce: %v, %v", flush, err)
	}
	for got := 0; got < records; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("consume after %d: %w", got, err)
		}
		for _, r := range fetches.Records() {
			if want := sent[r.Partition][r.Offset]; !same(want, r) {
				return fmt.Errorf("%s-%d at %d: %v instead of %v", topic, r.Partition, r.Offset, r, want)
			}
			got++
		}
	}
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err != nil || ends.Error() != nil {
		return fmt.Errorf("list offsets: %v, %v", err, ends.Error())
	}
	total := int64(0)
	ends.Each(func(o kadm.ListedOffset) { total += o.Offset })
	if total != records {
		return fmt.Errorf("the ends add up to %d", total)
	}
	if _, err := admin.DeleteTopic(ctx, topic); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	return nil
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	work, what := run, os.Args[2]
	if what == "group" {
		work, what = runGroup, os.Args[3]
	}
	if err := work(ctx, os.Args[1], what); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ok", what)
}
