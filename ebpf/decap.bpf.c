// SPDX-License-Identifier: (BSD-3-Clause OR GPL-2.0-only)
// decap: what a backend of `forward = "ipip"` needs when its kernel has no ipip module. A tc program for the
// ingress of the interface that faces shunt: it takes the outer IPv4 header off 4in4 (RFC 2003), so that the
// inner packet, to the VIP that the backend holds on lo, is received as if it had come alone. Replies go
// straight to the client.
//
// Owner: the interface it is attached to; no maps, no state. Cost: one header move per encapsulated packet;
// every other packet passes after three comparisons. Attach: see README.md.
//
// Passed on untouched: frames to another MAC, outer headers with options, outer fragments (the kernel drops
// them as protocol 4). Dropped: an inner packet that isn't IPv4, as nothing here could receive it.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define IP_FRAGMENT_BITS 0x3fff  // more-fragments and offset; DF is not one of them
#define ECN_MASK 0x03
#define ECN_CE 0x03

// RFC 6040 4.2: a mark that a router put on the outer header must reach the inner one; an inner packet whose
// sender doesn't speak ECN can't carry it and is dropped instead. False: drop.
static __always_inline int carry_congestion_mark(struct iphdr* inner) {
  __u8 inner_ecn = inner->tos & ECN_MASK;
  if (inner_ecn == 0) return 0;
  if (inner_ecn == ECN_CE) return 1;
  // RFC 1624 with one changed 16-bit word (version, IHL, TOS).
  __u16* first_word = (__u16*)inner;
  __u32 sum = (__u16)~inner->check + (__u16) ~*first_word;
  inner->tos |= ECN_CE;
  sum += *first_word;
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  inner->check = (__u16)~sum;
  return 1;
}

SEC("tc")
int decap(struct __sk_buff* skb) {
  if (skb->protocol != bpf_htons(ETH_P_IP) || skb->pkt_type != PACKET_HOST) return TC_ACT_OK;

  // The inner header of a packet with pages may lie outside the linear part.
  if (bpf_skb_pull_data(skb, sizeof(struct ethhdr) + 2 * sizeof(struct iphdr))) return TC_ACT_OK;
  void* data = (void*)(long)skb->data;
  void* end = (void*)(long)skb->data_end;
  struct iphdr* outer = data + sizeof(struct ethhdr);
  struct iphdr* inner = outer + 1;
  if ((void*)(inner + 1) > end) return TC_ACT_OK;
  if (outer->version != 4 || outer->ihl != 5 || outer->protocol != IPPROTO_IPIP) return TC_ACT_OK;
  if (outer->frag_off & bpf_htons(IP_FRAGMENT_BITS)) return TC_ACT_OK;
  if (inner->version != 4 || inner->ihl < 5) return TC_ACT_SHOT;

  if ((outer->tos & ECN_MASK) == ECN_CE && !carry_congestion_mark(inner)) return TC_ACT_SHOT;
  if (bpf_skb_adjust_room(skb, -(__s32)sizeof(struct iphdr), BPF_ADJ_ROOM_MAC, 0)) return TC_ACT_SHOT;
  return TC_ACT_OK;
}

char _license[] SEC("license") = "Dual BSD/GPL";
