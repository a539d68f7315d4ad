/* SPDX-License-Identifier: (BSD-3-Clause OR GPL-2.0-only) */
/* What resets.bpf.c counts, shared with the program that reads it. Addresses as on the wire, IPv4 as
 * ::ffff:a.b.c.d. */
#ifndef SHUNT_RESETS_H
#define SHUNT_RESETS_H

#include <linux/types.h>

#define RESETS_MOST_PORTS 4096 /* addresses and ports that have a count of their own */
#define RESETS_MOST_VIPS 1024

/* Key of the map `vips`, a longest prefix match: 128 bits, of IPv4 the last 32. */
struct resets_prefix {
  __u32 bits;
  __u8 address[16];
};

/* Key of the map `resets`. All 0: what found it full. */
struct resets_key {
  __u8 address[16];
  __u16 port; /* host order */
  __u16 unused;
};

struct resets_count {
  __u64 reset;   /* a connection that was there, or was thought to be */
  __u64 refused; /* a SYN that nobody wanted */
};

#endif
