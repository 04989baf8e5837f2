import { countDescriptors, readMemory } from './cpu.ts';

export interface Watched {
  readonly firstRss: number;
  readonly peakRss: number;
  readonly lastRss: number;
  /** In bytes an hour: growth without the warm-up. */
  readonly rssPerHour: number;
  /** One standard error of it. */
  readonly rssPerHourError: number;
  readonly descriptorsPerHour: number;
  readonly descriptorsPerHourError: number;
  readonly peakDescriptors: number;
  /** The lowest values of each part of the run, in turn: the garbage collector's work hides what really grows. */
  readonly floor: readonly Sample[];
}

export interface Sample {
  readonly hours: number;
  readonly rss: number;
  readonly descriptors: number;
}

export interface Line {
  readonly slope: number;
  /** One standard error of the slope. */
  readonly error: number;
}

const EVERY_MS = 500;
const PARTS = 60;

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
      const floor = floors(samples, PARTS);
      const late = floor.slice(floor.length >> 1);
      const rss = lineThrough(late.map((sample) => [sample.hours, sample.rss]));
      const descriptors = lineThrough(late.map((sample) => [sample.hours, sample.descriptors]));
      return {
        firstRss: samples[0]?.rss ?? 0,
        peakRss: Math.max(0, ...samples.map((sample) => sample.rss)),
        lastRss: samples.at(-1)?.rss ?? 0,
        rssPerHour: Math.round(rss.slope),
        rssPerHourError: Math.round(rss.error),
        descriptorsPerHour: Math.round(descriptors.slope * 10) / 10,
        descriptorsPerHourError: Math.round(descriptors.error * 10) / 10,
        peakDescriptors: Math.max(0, ...samples.map((sample) => sample.descriptors)),
        floor,
      };
    },
  };
}

/** The run cut into equal parts, and the lowest values of each. */
function floors(samples: readonly Sample[], parts: number): Sample[] {
  const size = Math.max(1, Math.ceil(samples.length / parts));
  const floor: Sample[] = [];
  for (let at = 0; at < samples.length; at += size) {
    const part = samples.slice(at, at + size);
    floor.push({
      hours: part.reduce((sum, { hours }) => sum + hours, 0) / part.length,
      rss: Math.min(...part.map(({ rss }) => rss)),
      descriptors: Math.min(...part.map(({ descriptors }) => descriptors)),
    });
  }
  return floor;
}

/** Least squares. */
export function lineThrough(points: readonly (readonly [number, number])[]): Line {
  const n = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / n;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / n;
  const across = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  if (n < 3 || across === 0) return { slope: 0, error: 0 };
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / across;
  const off = points.reduce((sum, [x, y]) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0);
  return { slope, error: Math.sqrt(off / (n - 2) / across) };
}
