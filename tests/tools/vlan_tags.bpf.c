// SPDX-License-Identifier: (BSD-3-Clause OR GPL-2.0-only)
// vlan_tags: a host in a VLAN, for the smoke tests, where the kernel has no VLAN interfaces of its own. tc
// programs for one interface: at its egress `push1` and `push2` put one tag (802.1Q) or two (802.1ad outside)
// on every frame; at its ingress `pop0`, `pop1` and `pop2` take off so many, and drop a frame that hasn't
// exactly these. After a pop the next filter has its turn.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define INNER_VLAN 10
#define OUTER_VLAN 20
#define VLAN_ID_BITS 0x0fff

SEC("push1")
int push_one(struct __sk_buff* skb) {
  return bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), INNER_VLAN) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

SEC("push2")
int push_two(struct __sk_buff* skb) {
  if (bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), INNER_VLAN)) return TC_ACT_SHOT;
  return bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021AD), OUTER_VLAN) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

// False: the outermost tag isn't this one.
static __always_inline int take(struct __sk_buff* skb, __u16 protocol, __u16 vlan) {
  if (!skb->vlan_present || skb->vlan_proto != bpf_htons(protocol)) return 0;
  if ((skb->vlan_tci & VLAN_ID_BITS) != vlan) return 0;
  return bpf_skb_vlan_pop(skb) == 0;
}

SEC("pop0")
int take_none(struct __sk_buff* skb) {
  return skb->vlan_present ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

SEC("pop1")
int take_one(struct __sk_buff* skb) {
  if (!take(skb, ETH_P_8021Q, INNER_VLAN) || skb->vlan_present) return TC_ACT_SHOT;
  return TC_ACT_UNSPEC;
}

SEC("pop2")
int take_two(struct __sk_buff* skb) {
  if (!take(skb, ETH_P_8021AD, OUTER_VLAN) || !take(skb, ETH_P_8021Q, INNER_VLAN)) return TC_ACT_SHOT;
  return skb->vlan_present ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "Dual BSD/GPL";
