import type { Cosignature } from '../log/cosignature.ts'

/** Who of the auditor's witnesses stands by a checkpoint, and when each said so, for a table. */
export function witnessRows(cosignatures: readonly Cosignature[]): string[][] {
  return cosignatures.map(({ name, time }) => ['witness', `${name}, ${time.toISOString()}`])
}
