#!/bin/bash
# Builds a work-alike of kind's node image from Debian packages and Go modules alone, for machines where no
# image registry answers. usage: build.sh IMAGE KUBERNETES_VERSION TOOLS_DIR KIND_FILES_DIR WORK_DIR METRICS_SERVER_IMAGE
# Needs root, debootstrap, jq and a Docker engine (DOCKER_HOST). Differences from the stock image: docs/cluster.md.
set -euo pipefail
image=$1 version=$2 tools=$3 kind_files=$4 work=$5 metrics_server=$6
here=$(cd "$(dirname "$0")" && pwd)
base=$work/debian root=$work/rootfs
say() { echo "  node image: $*"; }
quietly() { "$@" >>"$work/build.log" 2>&1 || { tail -20 "$work/build.log" >&2; exit 1; }; }

debian() { # a small Debian with what a node runs; kept, it is the slowest part to fetch
  [ -d "$base" ] && return
  say "fetching Debian packages (about 45 s)"
  rm -rf "$base.partial"
  quietly debootstrap --variant=minbase --include=systemd,systemd-sysv,conntrack,iptables,nftables,iproute2,ethtool,kmod,libseccomp2,ca-certificates,curl,jq,procps,hostname,socat,ebtables,runc,containernetworking-plugins bookworm "$base.partial"
  mv "$base.partial" "$base"
}

node_rootfs() { # what kind's own images/base/Dockerfile does
  say "laying out the node"
  rm -rf "$root" && cp -a --reflink=auto "$base" "$root"
  cp -r "$kind_files/." "$root/" && chmod -R u+w "$root/kind" "$root/etc" "$root/usr/local/bin" && chmod 755 "$root"/kind/bin/* "$root"/usr/local/bin/*
  rm -rf "$root"/usr/share/{doc,man,locale,info,bash-completion} "$root"/var/cache/{apt,debconf} "$root"/var/lib/apt/lists/* "$root"/var/log/* "$root/etc/resolv.conf"
  local units=$root/lib/systemd/system
  rm -f "$units/sysinit.target.wants/systemd-tmpfiles-setup.service" "$units"/{multi-user,local-fs}.target.wants/* \
    "$root"/etc/systemd/system/*.wants/* "$units"/sockets.target.wants/*{udev,initctl}* "$units"/basic.target.wants/*
  echo ReadKMsg=no >>"$root/etc/systemd/journald.conf"
  mkdir -p "$root"/etc/kubernetes/manifests "$root"/opt/cni "$root"/etc/cni/net.d "$root"/kind/manifests "$root"/var/log
  ln -sfn /usr/lib/cni "$root/opt/cni/bin"
  install -m755 "$tools"/{containerd,containerd-shim-runc-v2,ctr} "$root/usr/local/bin/"
  install -m755 "$tools"/{kubelet,kubeadm,kubectl} "$root/usr/bin/"
  echo "$version" >"$root/kind/version"
  "$tools/ctr" oci spec | jq '.hooks.createContainer += [{"path": "/kind/bin/mount-product-files.sh"}] | del(.process.rlimits)' >"$root/etc/containerd/cri-base.json"
}

this_machine() { # no CAP_SYS_RESOURCE, cgroup v1, no fuse-overlayfs
  sed -i "s#restrict_oom_score_adj = false#restrict_oom_score_adj = true#; s#sandbox_image = .*#sandbox_image = \"$pause\"#" "$root/etc/containerd/config.toml"
  sed -i '/^\[proxy_plugins\]/,/fuse-overlayfs.sock/d' "$root/etc/containerd/config.toml"
  echo 'KUBELET_EXTRA_ARGS=--runtime-cgroups=/system.slice/containerd.service --fail-cgroupv1=false' >"$root/etc/default/kubelet"
  # Controllers that the kernel has and the host does not mount: hidden, as kind hides misc, or systemd in the
  # node would mount them for the whole machine.
  local entrypoint=$root/usr/local/bin/entrypoint
  sed -i "s#^  if \[\[ ! -d \$misc_controller \]\]; then#  if false; then#; s#^  umount \$misc_controller.*#  :#; s#^  rmdir \$misc_controller.*#  :#; s#grep -v 'misc' /proc/cgroups#grep -Ev 'misc|net_cls|net_prio|perf_event|hugetlb' /proc/cgroups#" "$entrypoint"
  grep -q "grep -Ev 'misc|net_cls" "$entrypoint" || { echo "kind's entrypoint changed: adapt this_machine() in $0" >&2; exit 1; }
}

pod_network() {
  install -m755 "$here/podnet.sh" "$root/kind/bin/podnet.sh"
  install -m644 "$here/podnet.service" "$root/etc/systemd/system/podnet.service"
  echo '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"podnet","namespace":"kube-system"},"data":{"note":"the pod network is set up by /kind/bin/podnet.sh on each node"}}' >"$root/kind/manifests/default-cni.yaml"
  printf '%s\n' 'apiVersion: storage.k8s.io/v1' 'kind: StorageClass' 'metadata: {name: standard}' 'provisioner: kubernetes.io/no-provisioner' 'volumeBindingMode: WaitForFirstConsumer' >"$root/kind/manifests/default-storage.yaml"
  chroot "$root" systemctl -q enable kubelet containerd undo-mount-hacks podnet
  chroot "$root" systemctl -q mask systemd-binfmt
}

import_tree() { # import_tree NAME FOLDER ENTRYPOINT
  tar -C "$2" --owner=0 --group=0 --mtime=@0 -c . | docker import \
    --change "ENTRYPOINT [\"$3\"]" --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - "$1" >/dev/null
}

iptables_into() { # kube-proxy calls iptables and nft: with their libraries and plug-ins, out of the node's own Debian
  (cd "$root"; find usr/sbin/ip*tables* bin sbin lib lib64 etc/alternatives/ip*tables* -maxdepth 0) | tar -C "$root" --no-recursion -T - -c | tar -C "$1" -x
  (cd "$root"; for f in usr/sbin/{xtables-nft-multi,conntrack,nft} usr/lib/*-linux-gnu/xtables/*.so; do
    echo "$f"; chroot "$root" ldd "/$f" | grep -o '/[^ ]*' | sed 's#^/lib#usr/lib#'
  done | sort -u) | tar -C "$root" -h -T - -c | tar -C "$1" -x
  quietly chroot "$1" /usr/sbin/iptables --version; quietly chroot "$1" /usr/sbin/nft --version
}

control_plane_images() { # the images kubeadm wants, out of our own binaries, under the names it wants; and metrics-server's
  say "packing the control plane's images"
  local name program tree; names=()
  for name in $("$tools/kubeadm" config images list --kubernetes-version "$version") "$metrics_server"; do
    program=${name##*/} program=${program%%:*}; tree=$(mktemp -d "$work/tree.XXXX")
    mkdir -p "$tree"/usr/local/bin "$tree"/etc/ssl/certs "$tree"/tmp; chmod 1777 "$tree/tmp"
    cp "$tools/$program" "$tree/usr/local/bin/"
    [ "$program" != kube-proxy ] || iptables_into "$tree"
    [ "$program" != pause ] || cp "$tools/pause" "$tree/pause"
    import_tree "$name" "$tree" "$([ "$program" = pause ] && echo /pause || echo "/usr/local/bin/$program")"
    rm -rf "$tree"; names+=("$name")
  done
  docker save "${names[@]}" -o "$work/images.tar"
  docker rmi "${names[@]}" >/dev/null
}

content_store() { # kubeadm finds its images in the node's containerd: filled here by a throw-away one
  local ctr=("$tools/ctr" -a "$work/containerd.sock" -n k8s.io)
  cat >"$work/containerd.toml" <<TOML
version = 3
root = "$root/var/lib/containerd"
state = "$work/containerd"
disabled_plugins = ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri"]
[grpc]
address = "$work/containerd.sock"
TOML
  "$tools/containerd" -c "$work/containerd.toml" >>"$work/build.log" 2>&1 & local pid=$!
  trap 'kill $pid 2>/dev/null || true' EXIT
  for _ in $(seq 100); do "${ctr[@]}" version >/dev/null 2>&1 && break; sleep 0.1; done
  quietly "${ctr[@]}" images import --label=io.cri-containerd.pinned=pinned --no-unpack --compress-blobs "$work/images.tar"
  # Tagging and removing once runs a collection, which drops the uncompressed layers.
  "${ctr[@]}" images tag "$pause" collect:1 >/dev/null && "${ctr[@]}" images rm --sync collect:1 >/dev/null
  kill $pid; wait $pid || true; trap - EXIT; rm -f "$work/images.tar"
}

mkdir -p "$work"; : >"$work/build.log"
pause=$("$tools/kubeadm" config images list --kubernetes-version "$version" | grep pause)
debian; node_rootfs; this_machine; pod_network; control_plane_images; content_store
say "storing $image"
tar -C "$root" -c . | docker import --change 'ENTRYPOINT ["/usr/local/bin/entrypoint","/sbin/init"]' --change 'ENV container=docker' - "$image-flat" >/dev/null
# `docker import` cannot set a stop signal.
printf 'FROM %s\nSTOPSIGNAL SIGRTMIN+3\n' "$image-flat" | DOCKER_BUILDKIT=0 docker build -q -t "$image" - >/dev/null 2>>"$work/build.log"
docker rmi "$image-flat" >/dev/null; rm -rf "$root"
