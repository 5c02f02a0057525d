package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

var balancers = map[string]kgo.GroupBalancer{
	"range": kgo.RangeBalancer(), "roundrobin": kgo.RoundRobinBalancer(), "sticky": kgo.StickyBalancer(),
	"cooperative-sticky": kgo.CooperativeStickyBalancer(),
}

// What the members of a group have read, together.
type readers struct {
	mutex sync.Mutex
	seen  map[string]int
}

func (r *readers) count() int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return len(r.seen)
}

// A member that reads and commits until its context ends, then leaves.
func (r *readers) consume(ctx context.Context, address, topic string, options ...kgo.Opt) error {
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(address), kgo.ConsumerGroup(topic), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(), kgo.HeartbeatInterval(200*time.Millisecond),
		kgo.SessionTimeout(6*time.Second), kgo.FetchMaxWait(200*time.Millisecond))...)
	if err != nil {
		return err
	}
	defer client.Close()
	for ctx.Err() == nil {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil && ctx.Err() == nil {
			return err
		}
		r.mutex.Lock()
		for _, record := range fetches.Records() {
			r.seen[string(record.Value)]++
		}
		r.mutex.Unlock()
		// A rebalance may take the partitions away first; somebody else reads these records again then.
		_ = client.CommitUncommittedOffsets(context.Background())
	}
	return nil
}

// One member, then three, then two, while records keep coming: all are read, all are committed.
func runGroup(ctx context.Context, address, name string) error {
	topic := "franz-group-" + name
	client, err := kgo.NewClient(kgo.SeedBrokers(address))
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopic(ctx, 6, 1, nil, topic); err != nil {
		return fmt.Errorf("create: %w", err)
	}
	all := &readers{seen: map[string]int{}}
	failed := make(chan error, 3)
	var wait sync.WaitGroup
	start := func(instance string) context.CancelFunc {
		inside, stop := context.WithCancel(ctx)
		options := []kgo.Opt{kgo.Balancers(balancers[name])}
		if instance != "" {
			options = append(options, kgo.InstanceID(instance))
		}
		wait.Add(1)
		go func() {
			defer wait.Done()
			if err := all.consume(inside, address, topic, options...); err != nil {
				failed <- err
			}
		}()
		return stop
	}
	sent := 0
	produce := func() error {
		for i := 0; i < 1000; i++ {
			client.Produce(ctx, &kgo.Record{Topic: topic, Value: fmt.Appendf(nil, "%d", sent)}, nil)
			sent++
		}
		if err := client.Flush(ctx); err != nil {
			return err
		}
		for all.count() < sent {
			select {
			case err := <-failed:
				return err
			case <-ctx.Done():
				return fmt.Errorf("%d of %d records read", all.count(), sent)
			case <-time.After(20 * time.Millisecond):
			}
		}
		return nil
	}
	first := start("")
	if err := produce(); err != nil {
		return fmt.Errorf("one member: %w", err)
	}
	second, third := start("static-1"), start("")
	if err := produce(); err != nil {
		return fmt.Errorf("three members: %w", err)
	}
	first()
	if err := produce(); err != nil {
		return fmt.Errorf("two members: %w", err)
	}
	second()
	third()
	wait.Wait()
	lags, err := admin.Lag(ctx, topic)
	if err != nil {
		return fmt.Errorf("lag: %w", err)
	}
	group := lags[topic]
	if err := group.Error(); err != nil || group.Lag.Total() != 0 {
		return fmt.Errorf("lag is %d (%v), state %s", group.Lag.Total(), err, group.State)
	}
	return nil
}
