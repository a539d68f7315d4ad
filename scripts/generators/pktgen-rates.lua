-- pktgen-dpdk: which rate comes back whole? Load pktgen.pkt first (-f pktgen.pkt), then: load pktgen-rates.lua
--
-- Halves the interval between a rate that came through and one that didn't, ten times, with ten seconds at each rate.
-- Prints a line per step: percent of the line rate, packets a second sent and received, the share that was lost.
package.path = package.path .. ";?.lua;/usr/share/pktgen/?.lua"
require "Pktgen"

local port = "0"
local seconds = 10
local allowed_loss = 0.00001

local function counters()
  local stats = pktgen.portStats(port, "port")[tonumber(port)]
  return stats.opackets, stats.ipackets
end

local function lost_at(percent)
  pktgen.set(port, "rate", percent)
  pktgen.start(port)
  pktgen.delay(2000)                     -- the flows are known
  local sent_before, received_before = counters()
  pktgen.delay(seconds * 1000)
  local sent_after, received_after = counters()
  pktgen.stop(port)
  pktgen.delay(1000)
  local sent, received = sent_after - sent_before, received_after - received_before
  local lost = 1 - received / sent
  print(string.format("%6.2f %%  sent %.0f/s  received %.0f/s  lost %.5f", percent, sent / seconds, received / seconds, lost))
  return lost
end

local good, bad = 0, 100
if lost_at(bad) <= allowed_loss then
  good = bad
end
for _ = 1, 10 do
  if good == bad then break end
  local middle = (good + bad) / 2
  if lost_at(middle) <= allowed_loss then good = middle else bad = middle end
end
print(string.format("without loss: %.2f %% of the line rate", good))
