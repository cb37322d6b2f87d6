/** The stories: each folder with a story.txt, several at a time, all on one operator. */
import { readdirSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { say } from '../../hack/cluster/say.ts';
import { startPackageIndex, stopPackageIndex } from './packageIndex.ts';
import { released } from './releasedCluster.ts';
import { retried } from '../support/retried.ts';
import { endClientOfStories, runStory, startClientOfStories } from './story.ts';

/**
 * They take a minute or more. Those that put load on the machine follow one another, and so do those that wait for the
 * autoscaler, the exact one last, and those that install packages.
 */
const LONG = [
  ['update-under-load', 'overload'],
  ['scale-cpu', 'scale'],
  ['npm-packages', 'python-azure', 'python-environment', 'python-broken', 'python-server'],
];
/** How many of the others run beside them. */
const BESIDE = 2;
const here = join(import.meta.dirname, 'stories');
const only = process.env.STORY;
const stories = readdirSync(here).filter(
  (name) => existsSync(join(here, name, 'story.txt')) && (only === undefined || only.split(',').includes(name)),
);

describe('stories on the real cluster', function () {
  this.timeout(15 * 60_000);
  const ended = new Map<string, Promise<{ error?: unknown }>>();

  before(async () => {
    const { scorer, python } = await released();
    await startClientOfStories(`penstock/scorer:${scorer}`);
    if (stories.some((story) => /^(python|npm)/.test(story))) await startPackageIndex(`penstock/python:${python}`);
    const others = stories.filter((story) => !LONG.flat().includes(story));
    const results = new Map(stories.map((story) => [story, Promise.withResolvers<{ error?: unknown }>()]));
    for (const [story, { promise }] of results) ended.set(story, promise);
    const lane = async (waiting: string[]): Promise<void> => {
      for (let story = waiting.shift(); story !== undefined; story = waiting.shift()) {
        const attempt = (): Promise<{ error?: unknown }> =>
          runStory(join(here, story)).then(
            () => ({}),
            (error: unknown) => ({ error }),
          );
        const began = Date.now();
        let result = await attempt();
        if (result.error) {
          // a node on two shared cores stalls now and then
          say(`${story} FAILED: ${(result.error as Error).message}`);
          retried('story', story);
          result = await attempt();
        }
        say(`${story} took ${((Date.now() - began) / 1000).toFixed(0)} s`);
        results.get(story)!.resolve(result);
      }
    };
    for (const long of LONG) void lane(long.filter((story) => stories.includes(story)));
    for (let i = 0; i < BESIDE; i++) void lane(others);
  });
  after(() => Promise.all([endClientOfStories(), stopPackageIndex()]));

  for (const story of stories) {
    it(`${story}: ${readFileSync(join(here, story, 'story.txt'), 'utf8').trim()}`, async () => {
      const { error } = await ended.get(story)!;
      if (error) throw error as Error;
    });
  }
});
