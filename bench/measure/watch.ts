import { countDescriptors, readMemory } from './cpu.ts';

export interface Watched {
  readonly firstRss: number;
  readonly peakRss: number;
  readonly lastRss: number;
  /** The straight line through the second half of the samples, in bytes an hour: growth without the warm-up. */
  readonly rssPerHour: number;
  readonly descriptorsPerHour: number;
  readonly peakDescriptors: number;
}

interface Sample {
  readonly hours: number;
  readonly rss: number;
  readonly descriptors: number;
}

const EVERY_MS = 500;

/** Looks at a process again and again; `pid` may change when the process is replaced. */
export function watchProcess(pid: () => number): { stop(): Watched } {
  const samples: Sample[] = [];
  const started = performance.now();
  const look = () => {
    try {
      const hours = (performance.now() - started) / 3_600_000;
      samples.push({ hours, rss: readMemory(pid()).now, descriptors: countDescriptors(pid()) });
    } catch {
      // Between two processes there is nothing to look at.
    }
  };
  look();
  const timer = setInterval(look, EVERY_MS);
  return {
    stop() {
      clearInterval(timer);
      const late = samples.slice(samples.length >> 1);
      return {
        firstRss: samples[0]?.rss ?? 0,
        peakRss: Math.max(0, ...samples.map((sample) => sample.rss)),
        lastRss: samples.at(-1)?.rss ?? 0,
        rssPerHour: Math.round(slope(late.map(({ hours, rss }) => [hours, rss]))),
        descriptorsPerHour: Math.round(slope(late.map(({ hours, descriptors }) => [hours, descriptors]))),
        peakDescriptors: Math.max(0, ...samples.map((sample) => sample.descriptors)),
      };
    },
  };
}

/** Least squares. */
function slope(points: readonly (readonly [number, number])[]): number {
  const n = points.length;
  if (n < 2) return 0;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / n;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / n;
  const across = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return across === 0 ? 0 : points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / across;
}
