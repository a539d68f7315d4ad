import assert from "node:assert/strict";
import { test } from "node:test";
import type { TimeSeries } from "../src/api";
import { bandWords, kpiSeries, spanAround } from "../src/lib/kpi_series";

const plain = (text: string): string => text.replace(/\u00a0/g, " ");

test("shares of flows are made of two series; a second without flows has none", () => {
  const series = { syn_retransmits: [1, 2, null, 3], flows: [10, 0, 5, null] } as unknown as TimeSeries;
  assert.deepEqual(kpiSeries("syn_retransmits").values(series), [0.1, null, null, null]);
});

test("a KPI that the page doesn't know yet has its name and plain numbers", () => {
  const kpi = kpiSeries("some_new_thing");
  assert.equal(kpi.words, "some new thing");
  assert.deepEqual(kpi.values({} as TimeSeries), []);
});

test("expected bands in words", () => {
  const band = (kpi: string, expected_low: number | null, expected_high: number | null): string =>
    plain(bandWords({ kpi, expected_low, expected_high }));
  assert.equal(band("failures", 0, 0.014), "up to 1.4 %");
  assert.equal(band("latency", 400, 1200), "400 µs to 1.2 ms");
  assert.equal(band("flows", 10, null), "at least 10/s");
  assert.equal(band("flows", null, null), "");
  assert.equal(band("up", 1, 1), "up");
});

test("time around an anomaly: as long again, never beyond now", () => {
  assert.deepEqual(spanAround({ opened: 10_000, closed: 10_060 }, 99_999), { from: 9400, to: 10_660 });
  assert.deepEqual(spanAround({ opened: 10_000, closed: null }, 12_000), { from: 8000, to: 12_000 });
});
