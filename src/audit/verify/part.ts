import type { Checkpoint } from '../../log/checkpoint.ts'
import { type Manifest, manifestName, readManifest } from '../export/manifest.ts'
import { type LogSource, SourceFailed } from '../log-source.ts'
import type { EntryRange } from './files-under-audit.ts'
import type { VerifyOptions } from './options.ts'

/** What was asked for is no part of the log, or not what the copy holds; nothing was checked. */
export class PartInvalid extends Error {
  override readonly name = 'PartInvalid'
}

/** @throws {PartInvalid} when there would be no entry to look at, or when a copy that says to be a part was to be checked as a whole */
export function expectPart({ entries }: VerifyOptions, { size }: Checkpoint, manifest: Manifest | undefined): void {
  if (entries !== undefined) expectSome(entries, size)
  else expectWhole(manifest)
}

function expectWhole(manifest: Manifest | undefined): void {
  if (manifest === undefined || (manifest.from === 0 && manifest.to === manifest.size)) return
  const { from, to } = manifest
  if (from === to) throw new PartInvalid('this copy holds no entry: export the part that is to be checked')
  throw new PartInvalid(`this copy holds entries ${from} to ${to - 1} only; say --from ${from} --to ${to} to check that part`)
}

function expectSome({ from, to }: EntryRange, size: number): void {
  if (from >= to) throw new PartInvalid(`--from ${from} is not below --to ${to}, so there is no entry to check`)
  // an empty log is a finding
  if (from > 0 && from >= size) throw new PartInvalid(`--from ${from} is beyond the log, which has ${size} entries`)
}

const maxManifestBytes = 64 * 1024

/** What a copy says of itself; undefined where it says nothing, as a running exchange does. */
export async function manifestOf(source: LogSource): Promise<Manifest | undefined> {
  try {
    return readManifest(await source.beside?.(manifestName, maxManifestBytes))
  } catch (error) {
    if (!(error instanceof SourceFailed)) throw error
    return undefined // the copy is then judged as a whole, and nothing that it lacks is passed over
  }
}
