// SPDX-License-Identifier: (BSD-3-Clause OR GPL-2.0-only)
// resets: counts the RSTs with which a backend of l2, ipip, gue or gre answers from a VIP. In DSR they go
// straight to the client and shunt never sees them. A tc program for the egress of the interface by which
// answers leave.
//
// Owner: the interface it is attached to. Bound: RESETS_MOST_PORTS counts, by address and port; what finds
// the map full is counted under the key of zeros. Which addresses are VIPs is told by the map `vips`; RSTs of
// others, as of connections that the backend opens itself, aren't counted. Cost: a few comparisons for a
// packet that is no RST.
//
// A RST that answers a SYN has sequence number 0 and ACK (RFC 9293, 3.5.2): refused. Any other: reset. Passes
// everything. Not looked into: IPv6 extension headers, fragments (a kernel sends no RST with either).
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "resets.h"

struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(max_entries, RESETS_MOST_VIPS);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct resets_prefix);
  __type(value, __u8);
} vips SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, RESETS_MOST_PORTS + 1);
  __type(key, struct resets_key);
  __type(value, struct resets_count);
} resets SEC(".maps");

static __always_inline void count(const struct resets_key* key, int is_refusal) {
  struct resets_count* counted = bpf_map_lookup_elem(&resets, key);
  if (!counted) {
    const struct resets_count fresh = {};
    bpf_map_update_elem(&resets, key, &fresh, BPF_NOEXIST);  // another CPU may have been first
    counted = bpf_map_lookup_elem(&resets, key);
  }
  if (!counted) {
    const struct resets_key overflow = {};
    counted = bpf_map_lookup_elem(&resets, &overflow);
  }
  if (counted) __sync_fetch_and_add(is_refusal ? &counted->refused : &counted->reset, 1);
}

// The TCP header, with `key`'s address filled in; 0 if there is none.
static __always_inline __u32 tcp_offset(struct __sk_buff* skb, struct resets_key* key) {
  void* data = (void*)(long)skb->data;
  void* end = (void*)(long)skb->data_end;
  void* ip = data + sizeof(struct ethhdr);
  if (skb->protocol == bpf_htons(ETH_P_IP)) {
    struct iphdr* header = ip;
    if ((void*)(header + 1) > end || header->protocol != IPPROTO_TCP || header->ihl < 5) return 0;
    if (header->frag_off & bpf_htons(0x1fff)) return 0;
    key->address[10] = key->address[11] = 0xff;
    __builtin_memcpy(key->address + 12, &header->saddr, 4);
    return sizeof(struct ethhdr) + 4 * header->ihl;
  }
  struct ipv6hdr* header = ip;
  if (skb->protocol != bpf_htons(ETH_P_IPV6) || (void*)(header + 1) > end || header->nexthdr != IPPROTO_TCP)
    return 0;
  __builtin_memcpy(key->address, &header->saddr, 16);
  return sizeof(struct ethhdr) + sizeof(*header);
}

SEC("tc")
int count_resets(struct __sk_buff* skb) {
  struct resets_key key = {};
  const __u32 offset = tcp_offset(skb, &key);
  struct tcphdr tcp;
  if (!offset || bpf_skb_load_bytes(skb, offset, &tcp, sizeof(tcp)) || !tcp.rst) return TC_ACT_UNSPEC;
  struct resets_prefix source = {.bits = 128};
  __builtin_memcpy(source.address, key.address, sizeof(source.address));
  if (!bpf_map_lookup_elem(&vips, &source)) return TC_ACT_UNSPEC;
  key.port = bpf_ntohs(tcp.source);
  count(&key, tcp.ack && tcp.seq == 0);
  return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "Dual BSD/GPL";
