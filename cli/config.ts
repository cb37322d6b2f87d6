/** The shell that `penstock` runs in. */
export type Shell = Readonly<Record<string, string | undefined>>;

export const shell = (): Shell => process.env;
