import { AuthenticTiles } from '../audit/authentic-tiles.ts'
import { type LogSource, SourceFailed } from '../audit/log-source.ts'
import type { Checkpoint } from '../log/checkpoint.ts'
import { hashBytes } from '../log/merkle.ts'
import { tileWidth } from '../log/right-edge.ts'
import { decodeBundle, widthOf } from '../log/tile.ts'
import { rootFromTiles } from '../log/tile-proofs.ts'
import type { FoundEntries } from './found-entries.ts'

/** The restored log is no beginning of what was published: no lost entry can be put behind it. */
export class OtherHistory extends Error {
  override readonly name = 'OtherHistory'
}

/**
 * Takes what a mirror or an export has of the lost range. Its tiles must make up the root that the log's key signed, and each
 * entry must hash to its leaf.
 *
 * @param restored the log as the backup has it
 * @throws {NotOfThisLog} when the tiles do not belong to the checkpoint
 * @throws {OtherHistory} when the restored log is not what the mirror begins with
 */
export async function takeFromMirror(
  source: LogSource,
  checkpoint: Checkpoint,
  restored: { readonly size: number; readonly root: Buffer },
  found: FoundEntries,
): Promise<{ readonly taken: number; readonly refused: number }> {
  const tiles = await AuthenticTiles.open(checkpoint, source.tile)
  if (checkpoint.size >= restored.size && restored.size > 0) {
    const root = await rootFromTiles(restored.size, tiles.reader)
    if (!root.equals(restored.root))
      throw new OtherHistory(`the restored database's ${restored.size} entries are not those that ${source.name} begins with`)
  }
  let taken = 0
  let refused = 0
  const to = Math.min(found.to, checkpoint.size)
  for (let n = Math.floor(found.from / tileWidth); n * tileWidth < to; n++) {
    const width = widthOf(0, n, checkpoint.size)
    const leaves = await tiles.read(0, n)
    const entries = await bundleOf(source, n, width)
    for (let i = 0; i < width; i++) {
      const index = n * tileWidth + i
      found.know(index, leaves.subarray(i * hashBytes, (i + 1) * hashBytes))
      const entry = entries[i]
      if (entry === undefined) continue
      const outcome = await found.take(index, entry, false)
      if (outcome === 'taken') taken += 1
      if (outcome === 'refused') refused += 1
    }
  }
  return { taken, refused }
}

/** @returns nothing where the mirror has only the hashes, or a bundle that is none */
async function bundleOf(source: LogSource, n: number, width: number): Promise<readonly Buffer[]> {
  try {
    return decodeBundle(await source.bundle(n, width), width)
  } catch (error) {
    if (error instanceof SourceFailed && error.code !== 'missing') throw error
    return []
  }
}
