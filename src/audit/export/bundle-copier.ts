import { hash } from 'node:crypto'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { hashBytes, leafHash } from '../../log/merkle.ts'
import { tileWidth } from '../../log/right-edge.ts'
import { tilePath, widthOf } from '../../log/tile.ts'
import { type AuthenticTiles, NotOfThisLog } from '../authentic-tiles.ts'
import { bundleEntries } from '../bundle-entries.ts'
import { digestsIn } from '../catalogue-files.ts'
import type { LogSource } from '../log-source.ts'
import { folderSource } from '../source-folder.ts'
import { segmentEntries, segmentOf, segmentStart } from './index-segment.ts'
import type { Range } from './range.ts'
import { type IndexRecord, nameOf, recordsBefore, writeSegment } from './subject-index.ts'
import type { WrittenAside } from './written-aside.ts'

/** Bundles under way at once: enough to hide the way to the server, and at the worst 64 MB. */
const atOnce = 4

interface Parts {
  readonly source: LogSource
  readonly folder: string
  readonly files: WrittenAside
  readonly tiles: AuthenticTiles
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((done: number, total: number) => void) | undefined
}

/** Copies entry bundles, with the catalogue files that their entries name, and indexes what they are about. */
export class BundleCopier {
  readonly #parts: Parts
  readonly #blobs = new Map<string, Promise<void>>()
  #done = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** @throws {NotOfThisLog} at the first entry that is not what the log's tiles say */
  async copy({ from: held, next, to }: Range): Promise<void> {
    const { files, folder } = this.#parts
    for (let from = next; from < to; ) {
      const segment = segmentOf(from)
      const end = Math.min(to, (segment + 1) * segmentEntries)
      const isBegun = from > Math.max(held, segmentStart(from))
      const kept = isBegun ? await recordsBefore(folder, segment, from) : []
      await writeSegment(files, segment, kept, await this.#copySegment(from, end, to - next))
      from = end
    }
  }

  async #copySegment(from: number, to: number, total: number): Promise<IndexRecord[]> {
    const records: IndexRecord[] = []
    const last = Math.ceil(to / tileWidth)
    let n = Math.floor(from / tileWidth)
    const work = async () => {
      while (n < last) {
        this.#parts.signal?.throwIfAborted()
        const found = await this.#copyBundle(n++)
        records.push(...found.records)
        this.#done += found.entries
        this.#parts.onProgress?.(Math.min(this.#done, total), total)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, work))
    return records
  }

  async #copyBundle(n: number): Promise<{ entries: number; records: IndexRecord[] }> {
    const { source, folder, files, tiles } = this.#parts
    const width = widthOf('entries', n, tiles.size)
    const leaves = await tiles.read(0, n)
    // an export that was interrupted may have left it; it is checked like any other
    const there = await folderSource(folder)
      .bundle(n, width)
      .then((bundle) => genuineEntries(bundle, n, width, leaves))
      .catch(() => undefined)
    const entries = there ?? (await this.#fetch(n, width, leaves, source, files))
    const records: IndexRecord[] = []
    for (const [place, entry] of entries.entries()) {
      const name = nameOf(entry)
      if (name !== undefined) records.push({ name, index: n * tileWidth + place })
      if (name === 'kind:catalogue') await this.#copyBlobs(entry)
    }
    return { entries: width, records }
  }

  async #fetch(n: number, width: number, leaves: Buffer, source: LogSource, files: WrittenAside): Promise<Buffer[]> {
    const bundle = await source.bundle(n, width)
    const entries = genuineEntries(bundle, n, width, leaves)
    await files.write(tilePath({ level: 'entries', n, width }), bundle)
    return entries
  }

  async #copyBlobs(entry: Buffer): Promise<void> {
    for (const digest of digestsIn(entry)) {
      const copying = this.#blobs.get(digest) ?? this.#copyBlob(digest)
      this.#blobs.set(digest, copying)
      await copying
    }
  }

  async #copyBlob(digest: string): Promise<void> {
    const { source, folder, files } = this.#parts
    const path = `blob/${digest}`
    const there = await access(join(folder, path)).then(
      () => true,
      () => false,
    )
    if (there && hash('sha256', await folderSource(folder).blob(digest)) === digest) return
    const content = await source.blob(digest)
    if (hash('sha256', content) !== digest)
      throw new NotOfThisLog(`the catalogue file ${digest} of ${source.name} has another SHA-256`)
    await files.write(path, content)
  }
}

/** @throws {NotOfThisLog} when they are not what the leaf hashes are made of */
function genuineEntries(bundle: Buffer, n: number, width: number, leaves: Buffer): Buffer[] {
  const entries = bundleEntries(bundle, n, width)
  for (const [place, entry] of entries.entries())
    if (!leafHash(entry).equals(leaves.subarray(place * hashBytes, (place + 1) * hashBytes)))
      throw new NotOfThisLog(`entry ${n * tileWidth + place} is not the one that the log's tree has there`)
  return entries
}
