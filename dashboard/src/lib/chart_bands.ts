// Bands beneath the lines of a chart: when an anomaly was, and what was expected. Given to Chart as `beneath`.
import type uPlot from "uplot";
import { colour } from "../theme";

export interface ChartBand {
  from: number; // seconds
  to: number;
  low: number | null; // null: to the end of the scale
  high: number | null;
  token: string;
  opacity: number;
}

export function bandPainter(bands: readonly ChartBand[]): (plot: uPlot) => void {
  return (plot) => {
    const { ctx, bbox } = plot;
    const inside = (x: number): number => Math.min(bbox.left + bbox.width, Math.max(bbox.left, x));
    const y = (value: number | null, otherwise: number): number =>
      value === null ? otherwise : Math.min(bbox.top + bbox.height, Math.max(bbox.top, plot.valToPos(value, "y", true)));
    ctx.save();
    for (const band of bands) {
      const left = inside(plot.valToPos(band.from, "x", true));
      const right = inside(plot.valToPos(band.to, "x", true));
      if (right <= bbox.left || left >= bbox.left + bbox.width) continue;
      const top = y(band.high, bbox.top);
      const bottom = y(band.low, bbox.top + bbox.height);
      ctx.globalAlpha = band.opacity;
      ctx.fillStyle = colour(band.token);
      ctx.fillRect(left, top, Math.max(1.5, right - left), Math.max(1.5, bottom - top));
    }
    ctx.restore();
  };
}
