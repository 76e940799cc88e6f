import { decodeBundle } from '../log/tile.ts'
import { NotOfThisLog } from './authentic-tiles.ts'

/**
 * The entries of a bundle as a source gave it; none of them is proved.
 *
 * @throws {NotOfThisLog} when it holds fewer than `width`, or anything after them
 */
export function bundleEntries(bundle: Buffer, n: number, width: number): Buffer[] {
  try {
    return decodeBundle(bundle, width)
  } catch (error) {
    throw new NotOfThisLog(`bundle ${n} is damaged: ${error instanceof Error ? error.message : String(error)}`)
  }
}
