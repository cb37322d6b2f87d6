/** The environment variables of the shell in which `penstock` runs. */
export type Shell = Readonly<Record<string, string | undefined>>;

export const shell = (): Shell => process.env;
