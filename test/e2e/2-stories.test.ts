/** The stories: each folder with a story.txt, four at a time, all on one operator. */
import { readdirSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { say } from '../cluster/say.ts';
import { released } from './cluster-story.ts';
import { runStory } from './story.ts';

const AT_ONCE = 4;
const here = import.meta.dirname;
const only = process.env.STORY;
const stories = readdirSync(here).filter((name) => existsSync(join(here, name, 'story.txt')) && (only === undefined || only.split(',').includes(name)));

describe('stories on the real cluster', function () {
  this.timeout(15 * 60_000);
  const ended = new Map<string, Promise<{ error?: unknown }>>();

  before(async () => {
    const { scorer } = await released();
    const waiting = [...stories];
    const results = new Map(stories.map((story) => [story, Promise.withResolvers<{ error?: unknown }>()]));
    for (const [story, { promise }] of results) ended.set(story, promise);
    const worker = async (): Promise<void> => {
      for (let story = waiting.shift(); story !== undefined; story = waiting.shift()) {
        const attempt = (): Promise<{ error?: unknown }> => runStory(join(here, story), `penstock/scorer:${scorer}`).then(() => ({}), (error: unknown) => ({ error }));
        const began = Date.now();
        let result = await attempt();
        if (result.error) { // a node on two shared cores stalls now and then; said, never in silence
          say(`${story} FAILED and is tried once more: ${(result.error as Error).message.slice(0, 400)}`);
          result = await attempt();
        }
        say(`${story} took ${((Date.now() - began) / 1000).toFixed(0)} s`);
        results.get(story)!.resolve(result);
      }
    };
    for (let i = 0; i < AT_ONCE; i++) void worker();
  });

  for (const story of stories) {
    it(`${story}: ${readFileSync(join(here, story, 'story.txt'), 'utf8').trim()}`, async () => {
      const { error } = await ended.get(story)!;
      if (error) throw error as Error;
    });
  }
});
