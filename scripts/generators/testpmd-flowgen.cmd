set fwd flowgen
set txpkts 64
start
