import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Checkpoint, openCheckpoint } from '../../log/checkpoint.ts'
import { type NoteVerifier, splitNote } from '../../log/note.ts'
import { tileWidth } from '../../log/right-edge.ts'
import { type TileAddress, tilePath, widthOf } from '../../log/tile.ts'
import type { SeenCheckpoint } from '../contradiction.ts'
import { readBounded } from '../source-folder.ts'
import { type Manifest, manifestName, readManifest } from './manifest.ts'
import { asideFolder } from './written-aside.ts'

/** The folder can't be added to. */
export class ExportUnusable extends Error {
  override readonly name = 'ExportUnusable'
}

/** What a folder holds of a log already. */
export interface KeptExport {
  readonly manifest: Manifest
  readonly checkpoint: SeenCheckpoint
}

const maxNoteBytes = 64 * 1024
const maxManifestBytes = 64 * 1024
/** The checkpoint that an export in progress is made for. */
export const begunName = `${asideFolder}/checkpoint`

/**
 * @returns undefined for a folder that is empty, or that an export was interrupted in before it was complete once
 * @throws {ExportUnusable} when there is something else, or the export of another log
 */
export async function readKept(folder: string, log: NoteVerifier): Promise<KeptExport | undefined> {
  const checkpoint = await readNote(folder, 'checkpoint', log)
  if (checkpoint === undefined) return undefined
  const manifest = readManifest(await readBounded(join(folder, manifestName), maxManifestBytes))
  // the checkpoint is written first: nothing is sure to be here but its tiles
  if (manifest === undefined) return { checkpoint, manifest: { ...noEntries, origin: log.name, size: checkpoint.size } }
  return { checkpoint, manifest }
}

const noEntries = { format: 'lianban-export@1', from: 0, to: 0, exportedAt: '' } as const

/** The checkpoint of an export that was interrupted: it was seen, so the log must extend it. */
export function readBegun(folder: string, log: NoteVerifier): Promise<SeenCheckpoint | undefined> {
  return readNote(folder, begunName, log)
}

async function readNote(folder: string, path: string, log: NoteVerifier): Promise<SeenCheckpoint | undefined> {
  const bytes = await readBounded(join(folder, path), maxNoteBytes)
  if (bytes === undefined) return undefined
  const note = bytes.toString('utf8')
  try {
    return { ...openCheckpoint(note, log), note }
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error)
    const advice = isNote(note)
      ? 'choose another folder'
      : 'if it was damaged or cut short, remove it and say the same again: the files that are there are checked and used, and only the log is no longer held against this checkpoint; else choose another folder'
    throw new ExportUnusable(`${join(folder, path)} is no checkpoint of this log: ${fault}; ${advice}`)
  }
}

/** A note that has lost its end is none any more. */
function isNote(text: string): boolean {
  try {
    splitNote(text)
    return true
  } catch {
    return false // what is wrong with it was said by whoever opened it
  }
}

/** Partial tiles of earlier checkpoints give way to the full one. Until then they stay: somebody may still read by such a checkpoint. */
export async function removeOutgrown(
  folder: string,
  before: readonly Checkpoint[],
  bundlesTo: readonly number[],
  now: Manifest,
): Promise<void> {
  const old = [
    ...before.flatMap(({ size }) => [...partialTiles(size), ...partialBundle(size)]),
    ...bundlesTo.flatMap(partialBundle),
  ]
  const isFull = ({ level, n }: TileAddress) => widthOf(level, n, level === 'entries' ? now.to : now.size) === tileWidth
  const outgrown = old.filter(isFull).map(({ level, n }) => `${tilePath({ level, n, width: tileWidth })}.p`)
  for (const path of new Set(outgrown)) await rm(join(folder, path), { recursive: true, force: true })
}

function partialTiles(size: number): TileAddress[] {
  const tiles: TileAddress[] = []
  for (let level = 0, hashes = size; hashes > 0; level++, hashes = Math.floor(hashes / tileWidth))
    if (hashes % tileWidth > 0) tiles.push({ level, n: Math.floor(hashes / tileWidth), width: hashes % tileWidth })
  return tiles
}

function partialBundle(to: number): TileAddress[] {
  return to % tileWidth === 0 ? [] : [{ level: 'entries', n: Math.floor(to / tileWidth), width: to % tileWidth }]
}
