import type { Checkpoint } from '../../log/checkpoint.ts'
import { type Manifest, manifestName, readManifest } from '../export/manifest.ts'
import { type LogSource, SourceFailed } from '../log-source.ts'
import { type EntryRange, wholeBundles } from './files-under-audit.ts'

/** What was asked for is no part of the log, or not what the copy holds; nothing was checked. */
export class PartInvalid extends Error {
  override readonly name = 'PartInvalid'
}

/** Entries that an auditor asks for, `to` exclusive; without it, to the end of what the copy holds. */
export interface EntriesAsked {
  readonly from: number
  readonly to?: number
}

/** Entries that are read. */
export interface Part extends EntryRange {
  /** the copy, when nobody but its manifest says that it holds no entries after these */
  readonly endToldBy: 'auditor' | 'copy'
}

/** What is read of a log to check what was asked for: bundles are read whole. Undefined for everything. */
export function partOf(asked: EntriesAsked | undefined, { size }: Checkpoint, manifest: Manifest | undefined): Part | undefined {
  if (asked === undefined) return undefined
  const { from, to } = asked
  if (to === undefined && manifest !== undefined && manifest.to < size)
    return { ...wholeBundles({ from, to: manifest.to }), endToldBy: 'copy' }
  return { ...wholeBundles({ from, to: to ?? size }), endToldBy: 'auditor' }
}

/** @throws {PartInvalid} when there would be no entry to look at, or when a copy that says to be a part was to be checked as a whole */
export function expectPart(asked: EntriesAsked | undefined, { size }: Checkpoint, manifest: Manifest | undefined): void {
  if (asked === undefined) expectWhole(manifest)
  else expectSome(asked, size, manifest)
}

function expectWhole(manifest: Manifest | undefined): void {
  if (manifest === undefined || (manifest.from === 0 && manifest.to === manifest.size)) return
  const { from, to } = manifest
  if (from === to) throw new PartInvalid('this copy holds no entry: export the part that is to be checked')
  throw new PartInvalid(`${holdsText(manifest)} only; say --from ${from} --to ${to} to check that part`)
}

function holdsText({ from, to }: Manifest): string {
  return from === to ? 'this copy holds no entry' : `this copy holds entries ${from} to ${to - 1}`
}

function expectSome({ from, to }: EntriesAsked, size: number, manifest: Manifest | undefined): void {
  if (to !== undefined && from >= to)
    throw new PartInvalid(`--from ${from} is not below --to ${to}, so there is no entry to check`)
  // an empty log is a finding
  if (from > 0 && from >= size) throw new PartInvalid(`--from ${from} is beyond the log, which has ${size} entries`)
  if (to === undefined && manifest !== undefined && from >= manifest.to)
    throw new PartInvalid(`${holdsText(manifest)}, none from ${from} on: export the part that is to be checked`)
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
