/** A stacked bar for each group and series; small enough to be read as text. */
export interface BarChart {
  readonly title: string;
  /** What is counted, with its unit. */
  readonly y: string;
  /** What the groups differ in. */
  readonly x: string;
  /** From the bottom up. */
  readonly layers: readonly string[];
  readonly groups: readonly { readonly label: string; readonly bars: readonly Bar[] }[];
}

export interface Bar {
  /** Under the bar; empty where a group has one only. */
  readonly label: string;
  readonly values: readonly number[];
  /** Paler: what the other one is compared with. */
  readonly pale: boolean;
}

const WIDTH = 720;
const HEIGHT = 360;
const LEFT = 64;
const RIGHT = 16;
const TOP = 64;
const BOTTOM = 64;
const LINES = 4;
const GAP = 0.3;
// Readable on white and on black; text takes the colour of the page's scheme.
const COLOURS = ['#3b82f6', '#f59e0b', '#10b981'];
const STYLE =
  'text{font:12px system-ui,sans-serif;fill:#24292f}.t{font-size:15px;font-weight:600}.g{stroke:#8886}' +
  '@media(prefers-color-scheme:dark){text{fill:#e6edf3}}';

export function barChart({ title, y, x, layers, groups }: BarChart): string {
  const top = niceAbove(Math.max(...groups.flatMap(({ bars }) => bars.map(({ values }) => sum(values)))));
  const [right, bottom] = [WIDTH - RIGHT, HEIGHT - BOTTOM];
  const yOf = (value: number) => round(bottom - (value / top) * (bottom - TOP));
  const parts: string[] = [];
  const text = (at: readonly [number, number], content: string, more = '') =>
    parts.push(`<text x="${round(at[0])}" y="${round(at[1])}"${more}>${escaped(content)}</text>`);

  text([LEFT, 22], title, ' class="t"');
  layers.forEach((layer, i) => {
    const at = LEFT + i * 130;
    parts.push(`<rect x="${at}" y="34" width="11" height="11" fill="${COLOURS[i]}"/>`);
    text([at + 16, 44], layer);
  });
  for (let i = 0; i <= LINES; i++) {
    const value = (top * i) / LINES;
    parts.push(`<path class="g" d="M${LEFT} ${yOf(value)}H${right}"/>`);
    text([LEFT - 8, yOf(value) + 4], String(round(value)), ' text-anchor="end"');
  }
  const middle = (TOP + bottom) / 2;
  text([16, middle], y, ` text-anchor="middle" transform="rotate(-90 16 ${middle})"`);
  text([(LEFT + right) / 2, HEIGHT - 10], x, ' text-anchor="middle"');

  const groupWidth = (right - LEFT) / groups.length;
  groups.forEach(({ label, bars }, g) => {
    const from = LEFT + groupWidth * (g + GAP / 2);
    const barWidth = (groupWidth * (1 - GAP)) / bars.length;
    bars.forEach((bar, b) => {
      let below = 0;
      const left = from + b * barWidth;
      bar.values.forEach((value, layer) => {
        if (value <= 0) return;
        const at = yOf(below + value);
        const pale = bar.pale ? ' opacity=".45"' : '';
        const size = `width="${round(barWidth - 3)}" height="${round(yOf(below) - at)}"`;
        parts.push(`<rect x="${round(left)}" y="${at}" ${size} fill="${COLOURS[layer]}"${pale}/>`);
        below += value;
      });
      text([left + barWidth / 2 - 1, yOf(below) - 5], String(round(below)), ' text-anchor="middle"');
      text([left + barWidth / 2 - 1, bottom + 15], bar.label, ' text-anchor="middle"');
    });
    text([from + (groupWidth * (1 - GAP)) / 2, bottom + 32], label, ' text-anchor="middle"');
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}">` +
    `\n<style>${STYLE}</style>\n${parts.join('\n')}\n</svg>\n`
  );
}

/** A round number that four lines divide well. */
function niceAbove(value: number): number {
  const scale = 10 ** Math.floor(Math.log10(Math.max(value, 1e-9)));
  return scale * ([1, 1.2, 1.6, 2, 3, 4, 6, 8, 10].find((step) => step * scale >= value * 1.05) ?? 12);
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const round = (value: number): number => Math.round(value * 10) / 10;
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
