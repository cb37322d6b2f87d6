/** Builds what the tests need of Go programs, before test files begin that run side by side and have no twenty minutes. */
import { builtTools, kstatus } from './tools.ts';
import { main } from './say.ts';

await main(async () => {
  await builtTools();
  await kstatus();
});
