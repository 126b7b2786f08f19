# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The rules that kube-proxy writes for one service with two endpoints, by hand: in its iptables and in
# its nftables mode. The service has a cluster IP, port 80, and the node port 30080.

# kube_family 4|6: addresses of the node, the pods and the service
# shellcheck disable=SC2034 # for the test files
kube_family() {
	topo_family "$1"
	case $1 in
	4) CLUSTER=10.96.0.10 PODS=10.244.0.0/16 OTHER_POD=10.0.2.3 KIND=ip ADDR=ipv4_addr BITS=32 ;;
	6) CLUSTER=fd00:96::10 PODS=fd00:244::/64 OTHER_POD=fd00:2::3 KIND=ip6 ADDR=ipv6_addr BITS=128 ;;
	esac
	CLUSTER_URL=$CLUSTER OTHER_POD_URL=$OTHER_POD
	[[ $1 == 4 ]] || CLUSTER_URL="[$CLUSTER]" OTHER_POD_URL="[$OTHER_POD]"
}

kube_iptables() {
	local restore=iptables-$1-restore

	[[ $FAMILY == 4 ]] || restore=ip6tables-$1-restore
	ns lb "$restore" <<-END
		*nat
		:KUBE-SERVICES - [0:0]
		:KUBE-NODEPORTS - [0:0]
		:KUBE-POSTROUTING - [0:0]
		:KUBE-MARK-MASQ - [0:0]
		:KUBE-SVC-NWV5X2332I4OT4T3 - [0:0]
		:KUBE-EXT-NWV5X2332I4OT4T3 - [0:0]
		:KUBE-SEP-57KPRZ3JQVENLNBR - [0:0]
		:KUBE-SEP-X3P2623AGDH6CDF3 - [0:0]
		-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
		-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
		-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
		-A KUBE-SERVICES -d $CLUSTER/$BITS -p tcp -m comment --comment "default/web:http cluster IP" -m tcp --dport 80 -j KUBE-SVC-NWV5X2332I4OT4T3
		-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
		-A KUBE-NODEPORTS -p tcp -m comment --comment "default/web:http" -m tcp --dport 30080 -j KUBE-EXT-NWV5X2332I4OT4T3
		-A KUBE-EXT-NWV5X2332I4OT4T3 -m comment --comment "masquerade traffic for default/web:http external destinations" -j KUBE-MARK-MASQ
		-A KUBE-EXT-NWV5X2332I4OT4T3 -j KUBE-SVC-NWV5X2332I4OT4T3
		-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
		-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
		-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
		-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
		-A KUBE-SVC-NWV5X2332I4OT4T3 ! -s $PODS -d $CLUSTER/$BITS -p tcp -m comment --comment "default/web:http cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ
		-A KUBE-SVC-NWV5X2332I4OT4T3 -m comment --comment "default/web:http -> $BACKEND:8080" -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-57KPRZ3JQVENLNBR
		-A KUBE-SVC-NWV5X2332I4OT4T3 -m comment --comment "default/web:http -> $OTHER_POD:8080" -j KUBE-SEP-X3P2623AGDH6CDF3
		-A KUBE-SEP-57KPRZ3JQVENLNBR -s $BACKEND/$BITS -m comment --comment "default/web:http" -j KUBE-MARK-MASQ
		-A KUBE-SEP-57KPRZ3JQVENLNBR -p tcp -m comment --comment "default/web:http" -m tcp -j DNAT --to-destination $BACKEND_URL:8080
		-A KUBE-SEP-X3P2623AGDH6CDF3 -s $OTHER_POD/$BITS -m comment --comment "default/web:http" -j KUBE-MARK-MASQ
		-A KUBE-SEP-X3P2623AGDH6CDF3 -p tcp -m comment --comment "default/web:http" -m tcp -j DNAT --to-destination $OTHER_POD_URL:8080
		COMMIT
	END
}

kube_iptables_end() {
	local iptables=iptables-$1

	[[ $FAMILY == 4 ]] || iptables=ip6tables-$1
	ns lb "$iptables" -t nat -F
	ns lb "$iptables" -t nat -X
}

kube_nftables() {
	ns lb nft -f - <<-END
		table $KIND kube-proxy {
			comment "rules for kube-proxy"
			set cluster-ips {
				type $ADDR
				comment "Active ClusterIPs"
				elements = { $CLUSTER }
			}
			set nodeport-ips {
				type $ADDR
				comment "IPs that accept NodePort traffic"
				elements = { $VIP }
			}
			chain mark-for-masquerade {
				meta mark set meta mark | 0x4000
			}
			chain masquerading {
				meta mark & 0x4000 == 0 return
				meta mark set meta mark ^ 0x4000
				masquerade fully-random
			}
			chain endpoint-5OJB2KTY-web {
				$KIND saddr $BACKEND jump mark-for-masquerade
				meta l4proto tcp dnat to $BACKEND_URL:8080
			}
			chain endpoint-WVTEHIBA-web {
				$KIND saddr $OTHER_POD jump mark-for-masquerade
				meta l4proto tcp dnat to $OTHER_POD_URL:8080
			}
			chain service-4SW47YFZ-default_web_tcp_http {
				$KIND daddr $CLUSTER tcp dport 80 $KIND saddr != $PODS jump mark-for-masquerade
				numgen random mod 2 vmap { 0 : goto endpoint-5OJB2KTY-web, 1 : goto endpoint-WVTEHIBA-web }
			}
			chain external-4SW47YFZ-default_web_tcp_http {
				jump mark-for-masquerade
				goto service-4SW47YFZ-default_web_tcp_http
			}
			map service-ips {
				type $ADDR . inet_proto . inet_service : verdict
				comment "ClusterIP, ExternalIP and LoadBalancer IP traffic"
				elements = { $CLUSTER . tcp . 80 : goto service-4SW47YFZ-default_web_tcp_http }
			}
			map service-nodeports {
				type inet_proto . inet_service : verdict
				comment "NodePort traffic"
				elements = { tcp . 30080 : goto external-4SW47YFZ-default_web_tcp_http }
			}
			chain services {
				$KIND daddr . meta l4proto . th dport vmap @service-ips
				$KIND daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
			}
			chain nat-prerouting {
				type nat hook prerouting priority dstnat; policy accept;
				jump services
			}
			chain nat-output {
				type nat hook output priority -100; policy accept;
				jump services
			}
			chain nat-postrouting {
				type nat hook postrouting priority srcnat; policy accept;
				jump masquerading
			}
		}
	END
}

kube_nftables_end() {
	ns lb nft delete table "$KIND" kube-proxy
}
