import type { Checkpoint } from '../../log/checkpoint.ts'
import type { EntryRange } from './files-under-audit.ts'
import type { VerifyOptions } from './options.ts'

/** What was asked for is no part of the log; nothing was checked. */
export class PartInvalid extends Error {
  override readonly name = 'PartInvalid'
}

/** @throws {PartInvalid} when there would be no entry to look at */
export function expectPart({ entries }: VerifyOptions, { size }: Checkpoint): void {
  if (entries !== undefined) expectSome(entries, size)
}

function expectSome({ from, to }: EntryRange, size: number): void {
  if (from >= to) throw new PartInvalid(`--from ${from} is not below --to ${to}, so there is no entry to check`)
  // an empty log is a finding
  if (from > 0 && from >= size) throw new PartInvalid(`--from ${from} is beyond the log, which has ${size} entries`)
}
