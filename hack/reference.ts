/** Prints docs/reference.md: metrics from their registries, the rest from the tables in the code. */
import { ENV, HEADER, LOCAL_ENV } from '@penstock/contract';
import { ENV_ROWS, HEADER_ROWS, LOCAL_ENV_ROWS, type VariableRow } from '@penstock/contract/reference';
import { Settings, type Variable } from '@penstock/server/settings';
import { Registry } from 'prom-client';
import { readActivatorConfig } from '../operator/activator/config.ts';
import { activatorMetrics } from '../operator/activator/metrics.ts';
import { readConfig } from '../operator/config.ts';
import { operatorMetrics } from '../operator/metrics.ts';
import { ACTIVATOR_VARIABLES, OPERATOR_VARIABLES } from '../operator/variables.ts';
import { scorerMetrics } from '../scorer-image/metrics/metrics.ts';
import { rejections } from '../scorer-image/rejections.ts';

const HEADER_TEXT = `<!-- Printed by \`npm run generate\`: edit the tables in the code, not this file. -->
# Reference: metrics, environment variables, headers, error responses

All names on this page are part of the API. [Monitoring](monitoring.md) says which of them to watch.
`;

/** The page. Throws where a variable that a program reads has no row, or a row has no variable. */
export function referencePage(): string {
  const operator = new Registry();
  operatorMetrics(operator);
  const activator = new Registry();
  activatorMetrics(activator);
  const scorer = scorerMetrics({ pipeline: 'name', revision: 'name' });
  scorer.queueDepth(() => 0);
  return [
    HEADER_TEXT,
    metricTable('Metrics of the operator', 'Port 8081, `/metrics`.', operator),
    metricTable('Metrics of the activator', 'Port 8081, `/metrics`.', activator),
    metricTable(
      'Metrics of a scorer',
      'Port 9090, `/metrics`. Each has the labels `pipeline` and `revision`.',
      scorer.registry,
    ),
    variableTable(
      'Variables that users may set',
      'In `spec.environment.variables` of a pipeline.',
      rowsOf(ENV, ENV_ROWS, true),
    ),
    variableTable(
      'Variables of a scorer pod',
      'The operator sets them. A script may read them.',
      rowsOf(ENV, ENV_ROWS, false),
    ),
    variableTable(
      'Variables of a scorer outside a pod',
      'For `penstock serve` and tests.',
      rowsOf(LOCAL_ENV, LOCAL_ENV_ROWS, false),
    ),
    programTable('Variables of the operator', readConfig, OPERATOR_VARIABLES),
    programTable('Variables of the activator', readActivatorConfig, ACTIVATOR_VARIABLES),
    headerTable(),
    rejectionTable(),
  ].join('\n');
}

/** The metrics of Penstock's own. prom-client's defaults for Node are left out. */
function metricTable(title: string, where: string, registry: Registry): string {
  const metrics = registry.getMetricsAsArray() as unknown as {
    name: string;
    type: string;
    help: string;
    labelNames?: string[];
  }[];
  const rows = metrics
    .filter(({ name }) => name.startsWith('penstock_'))
    .map(({ name, type, help, labelNames = [] }) => [
      `\`${name}\``,
      type,
      labelNames.map((label) => `\`${label}\``).join(', '),
      help,
    ]);
  return section(title, where, ['metric', 'type', 'labels', 'meaning'], rows);
}

function rowsOf<Key extends string>(
  names: Record<Key, string>,
  rows: Record<Key, VariableRow>,
  byUsers: boolean,
): [string, VariableRow][] {
  return (Object.keys(names) as Key[])
    .filter((key) => (rows[key].byUsers ?? false) === byUsers)
    .map((key) => [names[key], rows[key]]);
}

const variableTable = (title: string, where: string, rows: [string, VariableRow][]): string =>
  section(
    title,
    where,
    ['variable', 'type', 'meaning'],
    rows.map(([name, { type, meaning }]) => [`\`${name}\``, type, meaning]),
  );

function programTable(title: string, read: (settings: Settings) => unknown, meanings: Record<string, string>): string {
  const settings = new Settings({});
  read(settings);
  const variables = settings.variables;
  const unknown = [
    ...variables.filter(({ name }) => meanings[name] === undefined).map(({ name }) => name),
    ...Object.keys(meanings).filter((name) => !variables.some((variable) => variable.name === name)),
  ];
  if (unknown.length > 0) throw new Error(`${title}: ${unknown.join(', ')} must have one row and one reader`);
  return section(
    title,
    'The chart sets some of them. The others have these defaults.',
    ['variable', 'type', 'default', 'meaning'],
    variables.map(({ name, type, fallback, required }: Variable) => [
      `\`${name}\``,
      type,
      defaultOf(fallback, required),
      meanings[name]!,
    ]),
  );
}

function defaultOf(fallback: string | undefined, required: boolean): string {
  if (required) return 'required';
  return fallback === undefined || fallback === '' ? '' : `\`${fallback}\``;
}

const headerTable = (): string =>
  section(
    'Headers',
    'Names of headers are case-insensitive.',
    ['header', 'in', 'meaning'],
    (Object.keys(HEADER) as (keyof typeof HEADER)[]).map((key) => {
      const { direction, meaning } = HEADER_ROWS[key];
      return [`\`${HEADER[key]}\``, direction === 'both' ? 'request, response' : direction, meaning];
    }),
  );

const rejectionTable = (): string =>
  section(
    'Error responses of a scorer',
    'A message about the content of a tensor is not listed; its status is 400. A name in braces stands for a value.',
    ['status', 'message'],
    rejections().map(({ status, message }) => [String(status), message]),
  );

function section(title: string, where: string, columns: string[], rows: string[][]): string {
  const line = (cells: string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
  return `## ${title}\n\n${where}\n\n${line(columns)}${line(columns.map(() => '---'))}${rows.map(line).join('')}`;
}
