/** Progress lines for people: what happens now, and how long each step took. */
const started = Date.now();

/** Prints one progress line, with the seconds since the program began. */
export function say(message: string): void {
  process.stderr.write(`${((Date.now() - started) / 1000).toFixed(0).padStart(4)}s  ${message}\n`);
}

/** An error whose message alone is what the user needs: printed without a stack, exit code 1. */
export class Advice extends Error {}

/** Runs a command line's main function; an {@link Advice} is printed as one line, anything else with its stack. */
export async function main(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    process.stderr.write(
      `${error instanceof Advice ? `error: ${error.message}` : String((error as Error).stack ?? error)}\n`,
    );
    process.exitCode = 1;
  }
}
