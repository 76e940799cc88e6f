import type { Checkpoint } from '../log/checkpoint.ts'
import { extend, type RightEdge } from '../log/right-edge.ts'
import type { FoundEntries } from './found-entries.ts'

/** Leaves that extend the tree at once. */
const stepEntries = 4096

export interface ProvedRange {
  /** the log may go on to here: everything below is proved, and signed as a whole */
  readonly size: number
  /** the first signed size at which the found entries make up another root; undefined where all agree */
  readonly contradicts: number | undefined
}

/**
 * Recomputes the root of the restored log with the found entries behind it, at each signed size: entries that make up a signed root
 * are all proved, whatever brought them.
 *
 * @param edge of the restored log
 * @param checkpoints by size, of the log's own key
 */
export function proveRange(edge: RightEdge, checkpoints: readonly Checkpoint[], found: FoundEntries): ProvedRange {
  const range = longestProved(edge, checkpoints, found)
  found.provedUpTo(range.size)
  return range
}

function longestProved(edge: RightEdge, checkpoints: readonly Checkpoint[], found: FoundEntries): ProvedRange {
  let tree = edge
  let proved = edge.size
  for (const { size, root } of checkpoints) {
    if (size <= edge.size) continue
    let reached: Buffer | undefined
    while (tree.size < size) {
      const leaves: Buffer[] = []
      for (let index = tree.size; index < Math.min(size, tree.size + stepEntries); index++) {
        const leaf = found.leaf(index)
        if (leaf === undefined) return { size: proved, contradicts: undefined }
        leaves.push(leaf)
      }
      const extended = extend(tree, leaves)
      tree = extended.edge
      reached = extended.root
    }
    if (reached === undefined || !reached.equals(root)) return { size: proved, contradicts: size }
    proved = size
  }
  return { size: proved, contradicts: undefined }
}
