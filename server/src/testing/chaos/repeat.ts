/** The command that does this run again. */
export const commandFor = (seed: number): string => `npm run chaos -- --seed ${seed}`;
