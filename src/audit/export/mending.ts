import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hashBytes } from '../../log/merkle.ts'
import { tileWidth } from '../../log/right-edge.ts'
import { tilePath, tilesOf, widthOf } from '../../log/tile.ts'
import type { AuthenticTiles } from '../authentic-tiles.ts'
import { SourceFailed } from '../log-source.ts'
import { readBounded } from '../source-folder.ts'
import {
  maxSegmentBytes,
  namesByEntry,
  SegmentDamaged,
  segmentEntries,
  segmentOf,
  segmentPath,
  segmentStart,
} from './index-segment.ts'
import type { WrittenAside } from './written-aside.ts'

// What an export has left is not read again, which is a verification's work. But a file that is missing or has lost its end, as disks
// lose them, shows by its size.

/** Each entry of a bundle is after two bytes of length. */
const leastEntryBytes = 2

/** Writes the tiles of a size again that are missing or have another length. */
export async function mendTiles(files: WrittenAside, folder: string, tiles: AuthenticTiles, size: number): Promise<void> {
  for (const tile of tilesOf(size)) {
    const path = tilePath(tile)
    if ((await bytesIn(join(folder, path))) === tile.width * hashBytes) continue
    await files.write(path, await tiles.read(tile.level, tile.n, tile.width))
  }
}

/** Where the bundles from `from` to `to` must be copied again from: the first that is missing or too short, or `to`. */
export async function firstDamaged(folder: string, from: number, to: number): Promise<number> {
  for (let index = from; index < to; index += tileWidth) {
    const n = index / tileWidth
    const width = widthOf('entries', n, to)
    const bytes = await bytesIn(join(folder, tilePath({ level: 'entries', n, width })))
    if (bytes < width * leastEntryBytes) return index
  }
  return to
}

/**
 * Where the index must be made again from, since segments of it are missing or damaged: the first entry of the first of these, or `to`.
 * The entries' bytes are there already.
 */
export async function firstUnindexed(folder: string, from: number, to: number): Promise<number> {
  for (let index = from; index < to; index = segmentStart(index) + segmentEntries)
    if (!(await isWhole(folder, segmentOf(index)))) return index
  return to
}

async function isWhole(folder: string, segment: number): Promise<boolean> {
  try {
    const bytes = await readBounded(join(folder, segmentPath(segment)), maxSegmentBytes)
    if (bytes === undefined || bytes.length === 0) return false
    namesByEntry(bytes, segment)
    return true
  } catch (error) {
    if (error instanceof SegmentDamaged || error instanceof SourceFailed) return false
    throw error
  }
}

async function bytesIn(file: string): Promise<number> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  })
  return found?.size ?? 0
}
