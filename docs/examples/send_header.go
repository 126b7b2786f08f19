// SPDX-License-Identifier: GPL-2.0

// Asks an HTTP server for its first page in the name of a client: the connection
// begins with a PROXY header, which the kernel sends. The socket belongs to net/http;
// Dialer.Control sees it before it connects.
//
// Usage: send_header SERVER PORT CLIENT CLIENT-PORT DESTINATION DESTINATION-PORT
package main

import (
	"encoding/binary"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"
)

const (
	tcpUlp        = 31
	ppSoSend      = 0x5054
	ppSoSendCrc32 = 4
)

// A struct pp_so_end of an IPv4 address: the family in host byte order (here that of a
// little-endian machine), port and address in network byte order
func end(address, port string) []byte {
	value := make([]byte, 20)
	number, err := strconv.Atoi(port)
	ip := net.ParseIP(address).To4()
	if err != nil || ip == nil {
		log.Fatalf("%s %s: not an IPv4 address and a port", address, port)
	}
	binary.LittleEndian.PutUint16(value, syscall.AF_INET)
	binary.BigEndian.PutUint16(value[2:], uint16(number))
	copy(value[4:], ip)
	return value
}

// A struct pp_so_send without TLVs
func header(client, clientPort, destination, destinationPort string) string {
	value := []byte{2, ppSoSendCrc32, 0, 0}
	value = append(value, end(client, clientPort)...)
	return string(append(value, end(destination, destinationPort)...))
}

func main() {
	if len(os.Args) != 7 {
		log.Fatal("usage: send_header SERVER PORT CLIENT CLIENT-PORT DESTINATION DESTINATION-PORT")
	}
	value := header(os.Args[3], os.Args[4], os.Args[5], os.Args[6])
	dialer := net.Dialer{
		Control: func(network, address string, c syscall.RawConn) (err error) {
			controlErr := c.Control(func(fd uintptr) {
				err = syscall.SetsockoptString(int(fd), syscall.IPPROTO_TCP, tcpUlp, "proxyproto")
				if err == nil {
					err = syscall.SetsockoptString(int(fd), syscall.IPPROTO_IP, ppSoSend, value)
				}
			})
			if controlErr != nil {
				return controlErr
			}
			return err
		},
	}
	client := http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
	response, err := client.Get("http://" + net.JoinHostPort(os.Args[1], os.Args[2]) + "/")
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(os.Stdout, response.Body); err != nil {
		log.Fatal(err)
	}
}
