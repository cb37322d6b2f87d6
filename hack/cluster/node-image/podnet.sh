#!/bin/bash
# The pod network of one node: a /24 named after the last byte of the node's own address, a ptp CNI, and a static
# route to each other node's /24. kindnetd does this on a stock node image; its Go module cannot be had.
set -eu
ip=$(ip -4 -o addr show dev eth0 | awk '{split($4, a, "/"); print a[1]}')
byte=${ip##*.}
cat >/etc/cni/net.d/10-podnet.conflist <<CNI
{"cniVersion": "1.0.0", "name": "podnet", "plugins": [
  {"type": "ptp", "ipMasq": false, "ipam": {"type": "host-local", "dataDir": "/run/cni-ipam-state",
    "routes": [{"dst": "0.0.0.0/0"}], "ranges": [[{"subnet": "10.244.$byte.0/24"}]]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
CNI
for other in $(seq 2 32); do
  [ "$other" = "$byte" ] || ip route replace "10.244.$other.0/24" via "${ip%.*}.$other"
done
rule=(-s 10.244.0.0/16 ! -d 10.244.0.0/16 -j MASQUERADE)
iptables -t nat -C POSTROUTING "${rule[@]}" 2>/dev/null || iptables -t nat -A POSTROUTING "${rule[@]}"
sysctl -qw net.ipv4.ip_forward=1
