import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { NoteVerifier } from '../../log/note.ts'
import { tileWidth } from '../../log/right-edge.ts'
import { tilePath, widthOf } from '../../log/tile.ts'
import { AuthenticTiles, NotOfThisLog } from '../authentic-tiles.ts'
import { Contradiction, expectExtends, expectNoTwin, type SeenCheckpoint } from '../contradiction.ts'
import { type LogSource, SourceFailed } from '../log-source.ts'
import { SeenCheckpoints } from '../seen-checkpoints.ts'
import { folderSource } from '../source-folder.ts'
import { type CheckpointRules, openShownCheckpoint } from '../trusted-checkpoint.ts'
import { raiseAlarm } from './alarm.ts'
import { BundleCopier } from './bundle-copier.ts'
import { failureOf, folderFailed } from './folder-failed.ts'
import { FolderLock } from './folder-lock.ts'
import { segmentStart } from './index-segment.ts'
import { begunName, type KeptExport, readBegun, readKept, removeOutgrown } from './kept-export.ts'
import { exportFormat, type Manifest, manifestName, manifestText } from './manifest.ts'
import { firstDamaged, firstUnindexed, mendTiles } from './mending.ts'
import { type Range, rangeOf } from './range.ts'
import { missingFrom } from './source-part.ts'
import { asideFolder, WrittenAside } from './written-aside.ts'

/** The source shows less of the log than it did before; no contradiction, since a copy of it may lag. */
export class SourceBehind extends Error {
  override readonly name = 'SourceBehind'
}

export interface CopyRequest extends CheckpointRules {
  readonly source: LogSource
  readonly folder: string
  /** of whoever copies into the folder again and again; default: one for this copy */
  readonly lock?: FolderLock | undefined
  /** the log's public key as text; it is laid beside the log for convenience */
  readonly vkey: string
  readonly from?: number | undefined
  readonly to?: number | undefined
  readonly now: Date
  /** whether files that an earlier export left are written again where they are missing or cut short */
  readonly isMended?: boolean
  /** entries done and to be done in this run */
  readonly onProgress?: (done: number, total: number) => void
  /** ends the copy between two bundles */
  readonly signal?: AbortSignal | undefined
  /** what a mirror saw, which the log must agree with, and where every checkpoint is kept; default: those on file in the folder */
  readonly seen?: SeenCheckpoints
  /** whether the entries of a checkpoint that extends the earlier ones are copied now, or at a later time */
  readonly isWorthCopying?: (checkpoint: SeenCheckpoint) => boolean
}

export interface Copied {
  readonly checkpoint: SeenCheckpoint
  /** undefined when the entries were left for a later time */
  readonly range: Range | undefined
  /** of the folder before; undefined when this was its first export */
  readonly sizeBefore: number | undefined
}

/**
 * Copies a log into a folder that is itself a log of static files: checkpoint, tiles, entry bundles, the files of its
 * catalogues, a manifest and an index of subjects. Everything is checked against the checkpoint as it comes, so the folder never holds
 * what the log's key has not signed. A copy that ends in the middle leaves the folder as it was, with files that the next one uses.
 *
 * @throws {Contradiction} after its proof was kept in the folder; {UnkeptContradiction} when the folder did not take it
 * @throws {NotOfThisLog} when the source shows something that is not the log's
 * @throws {SourceFailed}, {SourceBehind}, {ExportUnusable} when it could not be done
 */
export async function copyLog(request: CopyRequest): Promise<Copied> {
  const lock = request.lock ?? new FolderLock(request.folder)
  try {
    return await copyUnder(lock, request)
  } finally {
    if (request.lock === undefined) await lock.release()
  }
}

async function copyUnder(lock: FolderLock, request: CopyRequest): Promise<Copied> {
  const { source, folder, log, now } = request
  // a folder that takes no files keeps nobody from comparing
  const unlocked = await failureOf(folder, lock.take())
  const kept = await readKept(folder, log)
  const begun = await readBegun(folder, log)
  const seen = request.seen ?? (await seenIn(folder, log))
  const note = await source.checkpoint()
  // a fork is one whoever cosigned it: the witnesses are asked for when the log's own word was held against what it said before
  const checkpoint = openShownCheckpoint(note, source.name, { log })
  const held = seen?.held ?? []
  const unwritable = unlocked ?? (await failureOf(folder, seen?.keep(checkpoint, now)))
  const before = [kept?.checkpoint, begun, ...beyond(kept?.checkpoint, held)].filter((one) => one !== undefined)
  try {
    const tiles = await extendedTiles(checkpoint, before, kept?.checkpoint, source, folder)
    if (unwritable !== undefined) throw unwritable
    openShownCheckpoint(note, source.name, request)
    const sizeBefore = kept?.checkpoint.size
    if (request.isWorthCopying?.(checkpoint) === false) return { checkpoint, range: undefined, sizeBefore }
    const range = rangeOf(request, checkpoint.size, kept?.manifest)
    await copyAll({ request, kept, begun, checkpoint, tiles, range })
    return { checkpoint, range, sizeBefore }
  } catch (error) {
    if (error instanceof Contradiction) return raiseAlarm(folder, error, source.name, now)
    throw folderFailed(folder, error)
  }
}

async function seenIn(folder: string, log: NoteVerifier): Promise<SeenCheckpoints | undefined> {
  try {
    return await SeenCheckpoints.onFile(folder, log)
  } catch (error) {
    throw folderFailed(folder, error)
  }
}

/** The tiles of the checkpoint, once it is known that it extends what was seen before. */
async function extendedTiles(
  checkpoint: SeenCheckpoint,
  before: readonly SeenCheckpoint[],
  kept: SeenCheckpoint | undefined,
  source: LogSource,
  folder: string,
): Promise<AuthenticTiles> {
  for (const seen of before) expectNoTwin(checkpoint, seen)
  if (kept !== undefined && kept.size > checkpoint.size) {
    const own = await AuthenticTiles.open(kept, folderSource(folder).tile)
    await expectExtends(kept, checkpoint, own)
  }
  const longest = Math.max(...before.map(({ size }) => size))
  if (longest > checkpoint.size) {
    await expectNoneContradicted(checkpoint, before, source)
    throw new SourceBehind(
      `${source.name} shows a checkpoint of ${checkpoint.size} entries, an older one than was seen before (${longest} entries)`,
    )
  }
  const tiles = await AuthenticTiles.open(checkpoint, source.tile)
  for (const seen of before) await expectExtends(checkpoint, seen, tiles)
  return tiles
}

/** What was copied was held against all that was shorter: it stands for them. */
function beyond(kept: SeenCheckpoint | undefined, seen: readonly SeenCheckpoint[]): SeenCheckpoint[] {
  return seen.filter(({ size }, place) => place === seen.length - 1 || size > (kept?.size ?? 0))
}

/**
 * Holds a checkpoint that is shorter than others against all of which the source has the tiles: those that are shorter still, and the
 * next longer one.
 *
 * @throws {Contradiction}
 */
async function expectNoneContradicted(
  checkpoint: SeenCheckpoint,
  before: readonly SeenCheckpoint[],
  source: LogSource,
): Promise<void> {
  const [next] = before.filter(({ size }) => size > checkpoint.size).sort((a, b) => a.size - b.size)
  const shorter = before.filter(({ size }) => size <= checkpoint.size)
  try {
    const tiles = await AuthenticTiles.open(checkpoint, source.tile)
    for (const seen of shorter) await expectExtends(checkpoint, seen, tiles)
  } catch (error) {
    if (!isOpen(error)) throw error
  }
  try {
    if (next !== undefined) await expectExtends(next, checkpoint, await AuthenticTiles.open(next, source.tile))
  } catch (error) {
    if (!isOpen(error)) throw error
  }
}

/** It could not be found out: what is behind need not have the tiles, and a mirror holds it against what comes later. */
const isOpen = (error: unknown) => error instanceof SourceFailed || error instanceof NotOfThisLog

interface Copy {
  readonly request: CopyRequest
  readonly kept: KeptExport | undefined
  readonly begun: SeenCheckpoint | undefined
  readonly checkpoint: SeenCheckpoint
  readonly tiles: AuthenticTiles
  readonly range: Range
}

async function copyAll({ request, kept, begun, checkpoint, tiles, range }: Copy): Promise<void> {
  const { folder, source, log, now } = request
  const { size } = checkpoint
  const sizeBefore = kept?.checkpoint.size ?? 0
  const { from, to } = range
  const before = [kept?.checkpoint, begun].filter((seen) => seen !== undefined)
  await rm(join(folder, asideFolder), { recursive: true, force: true })
  const files = new WrittenAside(folder)
  if (request.isMended === true) await mendTiles(files, folder, tiles, sizeBefore)
  const isNew = kept === undefined || kept.checkpoint.note !== checkpoint.note || !saysTheSame(kept.manifest, { from, to, size })
  const next = await firstToCopy(request, range, isNew)
  if (!isNew && next >= to) return files.done()
  await files.write(begunName, checkpoint.note)
  const copier = new BundleCopier({ source, folder, files, tiles, signal: request.signal, onProgress: request.onProgress })
  await copier.copy({ from, to, next }).catch(async (error) => {
    throw await missingFrom(source, { from, to, next }, error)
  })
  await copyTiles(files, tiles, sizeBefore)
  await files.write('vkey', `${request.vkey}\n`)
  await files.write('checkpoint', checkpoint.note)
  const manifest = { format: exportFormat, origin: log.name, from, to, size, exportedAt: now.toISOString() } as const
  await files.write(manifestName, manifestText(manifest))
  await files.done()
  await removeOutgrown(folder, before, kept === undefined ? [] : [kept.manifest.to], manifest)
}

function saysTheSame(a: Pick<Manifest, 'from' | 'to' | 'size'>, b: typeof a): boolean {
  return a.from === b.from && a.to === b.to && a.size === b.size
}

/** Where what is new begins, or what has to be made again; `to` where there is neither. */
async function firstToCopy(
  { folder, isMended = false, signal }: CopyRequest,
  { from, to, next }: Range,
  isNew: boolean,
): Promise<number> {
  if (!isNew && !isMended) return to
  const held = isNew ? next : to
  const copied = isMended ? await firstDamaged(folder, from, held, signal) : held
  // a segment that goes on needs what it says of the entries before
  return firstUnindexed(folder, isMended ? from : Math.max(from, segmentStart(copied)), copied)
}

/** Every tile that is new since `sizeBefore`; the levels below come first. */
async function copyTiles(files: WrittenAside, tiles: AuthenticTiles, sizeBefore: number): Promise<void> {
  for (let level = 0, unit = 1; unit <= tiles.size; level++, unit *= tileWidth) {
    const first = Math.floor(sizeBefore / (unit * tileWidth))
    for (let n = first; n * tileWidth * unit < tiles.size; n++) {
      const width = widthOf(level, n, tiles.size)
      if (width === 0) break
      await files.write(tilePath({ level, n, width }), await tiles.read(level, n))
    }
  }
}
