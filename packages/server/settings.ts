/** Settings from environment variables: read with a default, and every problem reported in one error. */

export type Env = Readonly<Record<string, string | undefined>>;

/** A variable that was read. */
export interface Variable {
  name: string;
  type: 'text' | 'number' | 'boolean' | 'JSON' | 'list' | 'choice';
  fallback: string | undefined;
  required: boolean;
}

export class Settings {
  readonly #env: Env;
  readonly #variables: Variable[] = [];
  readonly #problems: string[] = [];

  constructor(env: Env) {
    this.#env = env;
  }

  /** The variables that were read so far. */
  get variables(): readonly Variable[] {
    return this.#variables;
  }

  #read(name: string, type: Variable['type'], fallback?: string | number, required = false): string | undefined {
    this.#variables.push({ name, type, fallback: fallback === undefined ? undefined : String(fallback), required });
    return this.#env[name];
  }

  text(name: string, fallback: string): string {
    return this.#read(name, 'text', fallback) ?? fallback;
  }

  /** Undefined where the variable is not set, or empty. */
  optional(name: string): string | undefined {
    return this.#read(name, 'text') || undefined;
  }

  /** `why` ends the sentence "NAME is not set: …". */
  required(name: string, why: string): string {
    const value = this.#read(name, 'text', undefined, true);
    if (!value) this.problem(`${name} is not set: ${why}`);
    return value ?? '';
  }

  /** A whole number above 0. Without a fallback the variable must be set. */
  number(name: string, fallback?: number): number {
    const text = this.#read(name, 'number', fallback, fallback === undefined);
    if (text === undefined && fallback !== undefined) return fallback;
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1)
      this.problem(text === undefined ? `${name} is not set` : `${name} must be a whole number above 0, not ${text}`);
    return value;
  }

  /** Items between commas. */
  list(name: string): string[] {
    return (this.#read(name, 'list') ?? '')
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean);
  }

  choice<T extends string>(name: string, choices: readonly T[], fallback?: T): T {
    const value = this.#read(name, 'choice', fallback) ?? fallback;
    const found = choices.find((choice) => choice === value);
    if (found === undefined)
      this.problem(
        value === undefined ? `${name} is not set` : `${name} must be one of ${choices.join(', ')}, not ${value}`,
      );
    return found ?? choices[0]!;
  }

  isTrue(name: string): boolean {
    return this.#read(name, 'boolean', 'false') === 'true';
  }

  /** Undefined, and a problem, for a text that is not JSON. */
  json(name: string, fallback?: string): unknown {
    const text = this.#read(name, 'JSON', fallback) ?? fallback;
    if (text === undefined) return void this.problem(`${name} is not set`);
    try {
      return JSON.parse(text);
    } catch (error) {
      return void this.problem(`${name} is not JSON: ${(error as Error).message}`);
    }
  }

  problem(sentence: string): void {
    this.#problems.push(sentence);
  }

  /** Throws one error that names every problem so far. */
  check(): void {
    if (this.#problems.length > 0) throw new Error(`bad settings: ${this.#problems.join('; ')}`);
  }
}
