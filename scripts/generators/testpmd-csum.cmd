set eth-peer 0 00:01:02:03:04:00
port stop 0
csum set ip sw 0
csum set udp sw 0
port start 0
set fwd csum
start
