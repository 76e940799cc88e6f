import { hash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hashBytes } from '../../log/merkle.ts'
import { tileWidth } from '../../log/right-edge.ts'
import { decodeBundle, tilePath, tilesOf, widthOf } from '../../log/tile.ts'
import type { AuthenticTiles } from '../authentic-tiles.ts'
import { digestsIn } from '../catalogue-files.ts'
import { SourceFailed } from '../log-source.ts'
import { maxBlobBytes, maxBundleBytes } from '../source-files.ts'
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

// What an export has left is not hashed again, which is a verification's work. But a file that is missing or has lost its end, as disks
// lose them, shows by its size, and a bundle by the lengths in it.

/** Writes the tiles of a size again that are missing or have another length. */
export async function mendTiles(files: WrittenAside, folder: string, tiles: AuthenticTiles, size: number): Promise<void> {
  for (const tile of tilesOf(size)) {
    const path = tilePath(tile)
    if ((await bytesIn(join(folder, path))) === tile.width * hashBytes) continue
    await files.write(path, await tiles.read(tile.level, tile.n, tile.width))
  }
}

/**
 * Where the bundles from `from` to `to` must be copied again from, with the files of catalogues that their entries name: the first of
 * which something is missing or cut short, or `to`. It reads all of them.
 *
 * @throws the signal's reason
 */
export async function firstDamaged(folder: string, from: number, to: number, signal?: AbortSignal): Promise<number> {
  const good = new Set<string>()
  for (let index = from; index < to; index += tileWidth) {
    signal?.throwIfAborted()
    const n = index / tileWidth
    if (!(await isFramed(folder, n, widthOf('entries', n, to), good))) return index
  }
  return to
}

/** @param good digests of files that were found whole */
async function isFramed(folder: string, n: number, width: number, good: Set<string>): Promise<boolean> {
  const bundle = await readLeft(join(folder, tilePath({ level: 'entries', n, width })), maxBundleBytes)
  const entries = bundle === undefined ? undefined : framed(bundle, width)
  if (entries === undefined) return false
  for (const entry of entries) if (isCatalogue(entry) && !(await hasFiles(folder, entry, good))) return false
  return true
}

function framed(bundle: Buffer, width: number): Buffer[] | undefined {
  try {
    return decodeBundle(bundle, width)
  } catch {
    return undefined // it is copied again, whatever is wrong with it
  }
}

const catalogueBegins = Buffer.from('{"kind":"catalogue"')
const isCatalogue = (entry: Buffer) => entry.subarray(0, catalogueBegins.length).equals(catalogueBegins)

async function hasFiles(folder: string, catalogue: Buffer, good: Set<string>): Promise<boolean> {
  const digests = namedIn(catalogue)
  if (digests === undefined) return false
  for (const digest of digests) {
    if (good.has(digest)) continue
    const content = await readLeft(join(folder, 'blob', digest), maxBlobBytes)
    if (content === undefined || hash('sha256', content) !== digest) return false
    good.add(digest)
  }
  return true
}

function namedIn(catalogue: Buffer): string[] | undefined {
  try {
    return digestsIn(catalogue)
  } catch {
    return undefined // the entry is damaged: its bundle is copied again
  }
}

/** What can't be read is as good as not there: it is written again, which tells why it can't. */
async function readLeft(file: string, maxBytes: number): Promise<Buffer | undefined> {
  try {
    return await readBounded(file, maxBytes)
  } catch (error) {
    if (error instanceof SourceFailed) return undefined
    throw error
  }
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
  const bytes = await readLeft(join(folder, segmentPath(segment)), maxSegmentBytes)
  if (bytes === undefined || bytes.length === 0) return false
  try {
    namesByEntry(bytes, segment)
    return true
  } catch (error) {
    if (error instanceof SegmentDamaged) return false
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
