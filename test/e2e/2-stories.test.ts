/** The stories: each folder with a story.txt, several at a time, all on one operator. */
import { readdirSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { say } from '../cluster/say.ts';
import { released } from './cluster-story.ts';
import { endClientOfStories, runStory, startClientOfStories } from './story.ts';

/** They put load on the machine, and look at what comes of it: one at a time, longest first. */
const LOADS = ['update-under-load', 'scale', 'overload', 'scale-cpu'];
/** How many of the others run beside them. */
const BESIDE = 3;
const here = import.meta.dirname;
const only = process.env.STORY;
const stories = readdirSync(here).filter((name) => existsSync(join(here, name, 'story.txt')) && (only === undefined || only.split(',').includes(name)));

describe('stories on the real cluster', function () {
  this.timeout(15 * 60_000);
  const ended = new Map<string, Promise<{ error?: unknown }>>();

  before(async () => {
    const { scorer } = await released();
    await startClientOfStories(`penstock/scorer:${scorer}`);
    const [heavy, others] = [LOADS.filter((story) => stories.includes(story)), stories.filter((story) => !LOADS.includes(story))];
    const results = new Map(stories.map((story) => [story, Promise.withResolvers<{ error?: unknown }>()]));
    for (const [story, { promise }] of results) ended.set(story, promise);
    const lane = async (waiting: string[]): Promise<void> => {
      for (let story = waiting.shift(); story !== undefined; story = waiting.shift()) {
        const attempt = (): Promise<{ error?: unknown }> => runStory(join(here, story)).then(() => ({}), (error: unknown) => ({ error }));
        const began = Date.now();
        let result = await attempt();
        if (result.error) { // a node on two shared cores stalls now and then; said, never in silence
          say(`${story} FAILED and is tried once more: ${(result.error as Error).message}`);
          result = await attempt();
        }
        say(`${story} took ${((Date.now() - began) / 1000).toFixed(0)} s`);
        results.get(story)!.resolve(result);
      }
    };
    void lane(heavy);
    for (let i = 0; i < BESIDE; i++) void lane(others);
  });
  after(endClientOfStories);

  for (const story of stories) {
    it(`${story}: ${readFileSync(join(here, story, 'story.txt'), 'utf8').trim()}`, async () => {
      const { error } = await ended.get(story)!;
      if (error) throw error as Error;
    });
  }
});
