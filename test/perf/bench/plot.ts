/** Curves as SVG, by hand: lines over time, one scale on each side. */

export interface Line {
  name: string;
  colour: string;
  /** Values by second; undefined where there is none. */
  values: (number | undefined)[];
  /** Drawn as stairs, for what is counted. */
  stairs?: boolean;
  /** Which scale it is read on. */
  side: 'left' | 'right';
}

const [WIDTH, HEIGHT] = [860, 300];
const BOX = { left: 52, right: 52, top: 34, bottom: 40 };

/** One chart; `left` and `right` name the scales. */
export function chart(title: string, lines: Line[], { left, right }: { left: string; right: string }): string {
  const seconds = Math.max(...lines.map(({ values }) => values.length));
  const most = (side: Line['side']): number =>
    Math.max(
      1,
      ...lines.filter((line) => line.side === side).flatMap(({ values }) => values.map((value) => value ?? 0)),
    ) * 1.1;
  const top = { left: most('left'), right: most('right') };
  const x = (second: number): number => BOX.left + (second / seconds) * (WIDTH - BOX.left - BOX.right);
  const y = (value: number, side: Line['side']): number =>
    HEIGHT - BOX.bottom - (value / top[side]) * (HEIGHT - BOX.top - BOX.bottom);
  const text = (at: [number, number], words: string, more = ''): string =>
    `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" font-family="sans-serif" font-size="12" fill="#444" ${more}>${words}</text>`;
  const path = ({ values, colour, stairs, side }: Line): string => {
    let d = '';
    let before: number | undefined;
    values.forEach((value, second) => {
      if (value === undefined) return;
      const point = `${x(second).toFixed(1)},${y(value, side).toFixed(1)}`;
      d +=
        before === undefined
          ? `M${point}`
          : `${stairs && before !== value ? ` L${x(second).toFixed(1)},${y(before, side).toFixed(1)}` : ''} L${point}`;
      before = value;
    });
    return `<path d="${d}" fill="none" stroke="${colour}" stroke-width="${stairs ? 2.4 : 1.6}"/>`;
  };
  const step = (value: number): number => [1, 2, 5, 10, 20, 50, 100].find((one) => value / one <= 6) ?? 200;
  const ticks = (side: Line['side'], label: string): string[] => {
    const every = step(top[side]);
    const at = side === 'left' ? BOX.left - 8 : WIDTH - BOX.right + 8;
    const marks = Array.from({ length: Math.floor(top[side] / every) + 1 }, (_, i) =>
      text([at, y(i * every, side) + 4], String(i * every), `text-anchor="${side === 'left' ? 'end' : 'start'}"`),
    );
    return [
      ...marks,
      text(
        [side === 'left' ? 4 : WIDTH - 4, BOX.top - 14],
        label,
        `text-anchor="${side === 'left' ? 'start' : 'end'}"`,
      ),
    ];
  };
  const minutes = Array.from(
    { length: Math.floor(seconds / 30) + 1 },
    (_, i) =>
      `<line x1="${x(i * 30).toFixed(1)}" y1="${BOX.top}" x2="${x(i * 30).toFixed(1)}" y2="${HEIGHT - BOX.bottom}" stroke="#eee"/>${text([x(i * 30), HEIGHT - BOX.bottom + 16], `${i * 30} s`, 'text-anchor="middle"')}`,
  );
  const legend = lines.map(({ name, colour }, i) =>
    text([BOX.left + i * 200, HEIGHT - 6], `<tspan fill="${colour}">━</tspan> ${name}`),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    text([WIDTH / 2, 16], title, 'text-anchor="middle" font-weight="bold"'),
    ...minutes,
    ...ticks('left', left),
    ...ticks('right', right),
    ...lines.map(path),
    ...legend,
    '</svg>\n',
  ].join('\n');
}
