# SPDX-License-Identifier: GPL-2.0
for n in client lb backend; do ip netns add $n; ip -n $n link set lo up; done
ip -n client link add eth0 type veth peer name eth0 netns lb
ip -n backend link add eth0 type veth peer name eth1 netns lb
ip -n client addr add 10.0.1.2/24 dev eth0; ip -n lb addr add 10.0.1.1/24 dev eth0
ip -n lb addr add 10.0.2.1/24 dev eth1; ip -n backend addr add 10.0.2.2/24 dev eth0
for n in client lb backend; do ip -n $n link set eth0 up; done; ip -n lb link set eth1 up
ip netns exec lb sysctl -q net.ipv4.ip_forward=1
ip netns exec lb nft 'add table ip nat; add chain ip nat pre { type nat hook prerouting priority -100; }
  add chain ip nat post { type nat hook postrouting priority 100; }
  add rule ip nat pre tcp dport 80 dnat to 10.0.2.2:8080; add rule ip nat post oifname eth1 masquerade'
ip netns exec backend python3 -c 'import socket; s = socket.create_server(("", 8080))
for i in 1, 2: c = s.accept()[0]; c.settimeout(9); print(c.recv(999).decode(), flush=True); c.close()' & sleep 1
ip netns exec client bash -c 'echo hello >/dev/tcp/10.0.1.1/80'; sleep 1
ppctl -n lb add-rule send to 10.0.2.2 port 8080 version 1
ip netns exec client bash -c 'echo hello >/dev/tcp/10.0.1.1/80'; wait
