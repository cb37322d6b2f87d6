/** Prints docs/values.md: the settings of the chart, from values.yaml and the comments in it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const HEADER = `<!-- Printed by \`npm run generate\`: edit charts/penstock/values.yaml, not this file. -->
# Settings of the chart

\`helm show values charts/penstock\` prints the same as YAML. A value that the chart does not know is refused.

| value | default | meaning |
|---|---|---|
`;

/** A comment before a key is the meaning of that key. */
const KEY = /^( *)([A-Za-z]+):(?: +(.*?))?(?: +# (.*))?$/;

export const valuesPage = (root: string): string =>
  HEADER + valueRows(readFileSync(join(root, 'charts/penstock/values.yaml'), 'utf8')).join('');

/** One row for each value that is no group of others, and for each group with a comment. */
export function valueRows(yaml: string): string[] {
  const rows: string[] = [];
  const path: string[] = [];
  let comment: string[] = [];
  for (const line of yaml.split('\n')) {
    const text = /^ *# ?(.*)$/.exec(line)?.[1];
    if (text !== undefined) {
      comment.push(text);
      continue;
    }
    const [, indent, key, value, beside] = KEY.exec(line) ?? [];
    if (key === undefined) continue;
    path.splice(indent!.length / 2, Infinity, key);
    const meaning = [...comment, ...(beside === undefined ? [] : [beside])].join(' ');
    if (value !== undefined || meaning !== '')
      rows.push(`| \`${path.join('.')}\` | ${value === undefined ? '' : `\`${value}\``} | ${escaped(meaning)} |\n`);
    comment = [];
  }
  return rows;
}

const escaped = (text: string): string => text.replaceAll('|', '\\|');
