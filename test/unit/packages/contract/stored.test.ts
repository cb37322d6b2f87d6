/**
 * What Penstock stores in the cluster as JSON, in each version of its schema: test/golden/stored has one file for each.
 * Later versions must read all of them, so a file is added for a new schema, and none is changed.
 */
import { parseTraffic, SCHEMA_VERSION } from '@penstock/contract';
import { expect } from 'chai';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseActivation } from '../../../../operator/api/activation.ts';
import { recordFrom } from '../../../../operator/api/record.ts';

const folder = join(import.meta.dirname, '../../../golden/stored');
const PARSERS: Record<string, (text: string) => unknown> = {
  activation: parseActivation,
  record: recordFrom,
  traffic: parseTraffic,
};
const stored = globSync('*.json', { cwd: folder }).sort();
const textOf = (file: string, change: object = {}): string =>
  JSON.stringify({ ...(JSON.parse(readFileSync(join(folder, file), 'utf8')) as object), ...change });

describe('what is stored in the cluster', () => {
  it('has a file for the schema of today', () =>
    expect(stored).to.include.members(Object.keys(PARSERS).map((name) => `${name}.v${SCHEMA_VERSION}.json`)));

  for (const file of stored) {
    const parse = PARSERS[file.split('.')[0]!]!;
    it(`${file} is read with all of its fields`, () => {
      const { schemaVersion: _, ...fields } = JSON.parse(textOf(file)) as Record<string, unknown>;
      expect(parse(textOf(file))).to.deep.include(fields);
    });
    it(`${file} is read without a version, as operators before the field wrote it`, () =>
      expect(parse(textOf(file, { schemaVersion: undefined }))).not.to.equal(undefined));
    it(`${file} of a newer schema is not read`, () =>
      expect(parse(textOf(file, { schemaVersion: SCHEMA_VERSION + 1 }))).to.equal(undefined));
  }
});
