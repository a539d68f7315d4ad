// SPDX-License-Identifier: (BSD-3-Clause OR GPL-2.0-only)
// decap: what a backend of `forward = "ipip"`, "gue" or "gre" needs when its kernel has no module for it. A
// tc program for the ingress of the interface that faces shunt: it takes the outer header off 4in4, 6in6,
// 4in6 and 6in4 (RFC 2003, 2473, 4213), off GUE on UDP 6080 (draft-ietf-intarea-gue-09: variant 1, and
// variant 0 with private data, which is skipped) and off GRE without options (RFC 2784), both over either
// family, so that the inner packet, to the VIP that the backend holds on lo, is received as if it had come
// alone. Replies go straight to the client.
//
// Owner: the interface it is attached to; no maps, no state. Cost: one header move per encapsulated packet,
// two where the families differ; every other packet passes after a few comparisons. Attach: see README.md.
//
// Passed on untouched: frames to another MAC, outer headers with options or extension headers, outer
// fragments (the kernel drops them by their protocol), UDP 6080 that isn't GUE, is a control message, has
// flags (extensions, which may change what follows) or something else than IP inside, GRE with options (key,
// checksum, sequence number) or another packet than IP inside. Dropped: in ipip and GRE, an inner packet that
// isn't what the outer header announces.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define IP_FRAGMENT_BITS 0x3fff  // more-fragments and offset; DF is not one of them
#define ECN_MASK 0x03
#define ECN_CE 0x03
#define GUE_PORT 6080
#define GRE_BYTES 4  // RFC 2784: two of flags and version, the EtherType of what follows
#define GUE_BYTES 4  // of variant 0, and up to 31 words behind them
#define GUE_WORDS 0x1f
#define LONGEST \
  (sizeof(struct ethhdr) + 2 * sizeof(struct ipv6hdr) + sizeof(struct udphdr) + GUE_BYTES + 4 * GUE_WORDS)

// What the outer headers say. `version` is the inner packet's.
struct outer {
  __u32 bytes;
  __u8 ecn;
  __u8 version;
  __u8 is_udp;  // anybody may send that: what isn't as announced is somebody else's, and the kernel's
};

static __always_inline int read_gue(struct udphdr* udp, void* end, struct outer* outer) {
  const __u8* gue = (const __u8*)(udp + 1);
  if ((void*)(gue + GUE_BYTES) > end || udp->dest != bpf_htons(GUE_PORT)) return 0;
  outer->is_udp = 1;
  outer->bytes += sizeof(*udp);
  outer->version = gue[0] >> 4;
  if (outer->version == 4 || outer->version == 6) return 1;  // variant 1: the packet itself
  if (gue[0] >> 5 || gue[2] || gue[3]) return 0;
  outer->bytes += GUE_BYTES + 4 * (gue[0] & GUE_WORDS);
  outer->version = gue[1] == IPPROTO_IPIP ? 4 : 6;
  return gue[1] == IPPROTO_IPIP || gue[1] == IPPROTO_IPV6;
}

static __always_inline int read_gre(__be16* header, void* end, struct outer* outer) {
  if ((void*)header + GRE_BYTES > end || header[0] != 0) return 0;
  outer->bytes += GRE_BYTES;
  outer->version = header[1] == bpf_htons(ETH_P_IP) ? 4 : 6;
  return header[1] == bpf_htons(ETH_P_IP) || header[1] == bpf_htons(ETH_P_IPV6);
}

// The protocols that may stand in an outer header. False: none of them.
static __always_inline int read_protocol(__u8 protocol, void* next, void* end, struct outer* outer) {
  switch (protocol) {
    case IPPROTO_IPIP:
      outer->version = 4;
      return 1;
    case IPPROTO_IPV6:
      outer->version = 6;
      return 1;
    case IPPROTO_UDP:
      return read_gue(next, end, outer);
    case IPPROTO_GRE:
      return read_gre(next, end, outer);
  }
  return 0;
}

static __always_inline int read_outer4(void* ip, void* end, struct outer* outer) {
  struct iphdr* header = ip;
  if ((void*)(header + 1) > end || header->version != 4 || header->ihl != 5) return 0;
  if (header->frag_off & bpf_htons(IP_FRAGMENT_BITS)) return 0;
  outer->bytes = sizeof(*header);
  outer->ecn = header->tos & ECN_MASK;
  return read_protocol(header->protocol, header + 1, end, outer);
}

static __always_inline int read_outer6(void* ip, void* end, struct outer* outer) {
  struct ipv6hdr* header = ip;
  if ((void*)(header + 1) > end || header->version != 6) return 0;
  outer->bytes = sizeof(*header);
  outer->ecn = (header->flow_lbl[0] >> 4) & ECN_MASK;
  return read_protocol(header->nexthdr, header + 1, end, outer);
}

// RFC 6040 4.2: a mark that a router put on the outer header must reach the inner one; an inner packet whose
// sender doesn't speak ECN can't carry it and is dropped instead. False: drop.
static __always_inline int mark4(struct iphdr* inner) {
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

static __always_inline int mark6(struct ipv6hdr* inner) {
  if (((inner->flow_lbl[0] >> 4) & ECN_MASK) == 0) return 0;
  inner->flow_lbl[0] |= ECN_CE << 4;
  return 1;
}

// The packet's protocol can only be changed by the helper for translation, which puts 20 bytes in or takes
// them out. (Linux 6.3 has flags for it at bpf_skb_adjust_room.) False: it couldn't.
static __always_inline int change_family(struct __sk_buff* skb, __be16 protocol, __u32* bytes) {
  const __u32 difference = sizeof(struct ipv6hdr) - sizeof(struct iphdr);
  if (bpf_skb_change_proto(skb, protocol, 0)) return 0;
  *bytes = protocol == bpf_htons(ETH_P_IPV6) ? *bytes + difference : *bytes - difference;
  return bpf_skb_store_bytes(skb, __builtin_offsetof(struct ethhdr, h_proto), &protocol, sizeof(protocol),
                             0) == 0;
}

static __always_inline int strip(struct __sk_buff* skb, __u32 bytes, __u8 version) {
  const __be16 protocol = version == 4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
  if (skb->protocol != protocol && !change_family(skb, protocol, &bytes)) return TC_ACT_SHOT;
  return bpf_skb_adjust_room(skb, -(__s32)bytes, BPF_ADJ_ROOM_MAC, 0) ? TC_ACT_SHOT : TC_ACT_OK;
}

SEC("tc")
int decap(struct __sk_buff* skb) {
  const int is_v4 = skb->protocol == bpf_htons(ETH_P_IP);
  if ((!is_v4 && skb->protocol != bpf_htons(ETH_P_IPV6)) || skb->pkt_type != PACKET_HOST) return TC_ACT_OK;

  // The inner header of a packet with pages may lie outside the linear part.
  if (bpf_skb_pull_data(skb, skb->len < LONGEST ? skb->len : LONGEST)) return TC_ACT_OK;
  void* data = (void*)(long)skb->data;
  void* end = (void*)(long)skb->data_end;
  void* ip = data + sizeof(struct ethhdr);
  struct outer outer = {};
  if (!(is_v4 ? read_outer4(ip, end, &outer) : read_outer6(ip, end, &outer))) return TC_ACT_OK;

  struct iphdr* inner4 = ip + outer.bytes;
  struct ipv6hdr* inner6 = ip + outer.bytes;
  const int refusal = outer.is_udp ? TC_ACT_OK : TC_ACT_SHOT;
  if ((void*)(inner4 + 1) > end || inner4->version != outer.version) return refusal;
  const __u8 version = outer.version;
  if (version == 4 && inner4->ihl < 5) return TC_ACT_SHOT;
  if (version == 6 && (void*)(inner6 + 1) > end) return TC_ACT_SHOT;
  if (outer.ecn == ECN_CE && !(version == 4 ? mark4(inner4) : mark6(inner6))) return TC_ACT_SHOT;
  return strip(skb, outer.bytes, version);
}

char _license[] SEC("license") = "Dual BSD/GPL";
