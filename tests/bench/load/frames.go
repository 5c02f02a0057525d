package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
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
