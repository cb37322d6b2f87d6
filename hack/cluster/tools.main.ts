/** Builds the Go programs of the tests, before test files start that run in parallel and have shorter time limits. */
import { builtTools, kstatus, networkPolicies } from './tools.ts';
import { main } from './say.ts';

await main(async () => {
  await builtTools();
  await kstatus();
  await networkPolicies();
});
