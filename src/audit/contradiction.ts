import type { Checkpoint } from '../log/checkpoint.ts'
import { consistencyProof, rootFromTiles } from '../log/tile-proofs.ts'
import type { AuthenticTiles } from './authentic-tiles.ts'

/** A checkpoint with the signed note that says it. */
export interface SeenCheckpoint extends Checkpoint {
  readonly note: string
}

/** The log signed two histories. Whoever holds both notes can prove it to everybody. */
export class Contradiction extends Error {
  override readonly name = 'Contradiction'
  readonly first: SeenCheckpoint
  readonly second: SeenCheckpoint
  /** what the first `first.size` entries of the second tree hash to; not `first.root` */
  readonly rootInSecond: Buffer
  /** consistency proof of what the second tree begins with: leads to `rootInSecond` and to `second.root` */
  readonly proof: readonly Buffer[]

  constructor(first: SeenCheckpoint, second: SeenCheckpoint, rootInSecond: Buffer, proof: readonly Buffer[]) {
    super(
      first.size === second.size
        ? `${first.origin} signed two different trees of ${first.size} entries: the log was forked`
        : `${first.origin} signed a tree of ${first.size} entries, and a later one of ${second.size} that does not begin with it: the log was forked or rewritten`,
    )
    this.first = first
    this.second = second
    this.rootInSecond = rootInSecond
    this.proof = proof
  }
}

/**
 * Holds an earlier checkpoint against the tree of a later one.
 *
 * @param tiles of the later one
 * @throws {Contradiction} when the later tree does not begin with the earlier
 * @throws {SourceFailed}, {NotOfThisLog} when it could not be found out
 */
export async function expectExtends(later: SeenCheckpoint, earlier: SeenCheckpoint, tiles: AuthenticTiles): Promise<void> {
  expectNoTwin(later, earlier)
  const root = await rootFromTiles(earlier.size, tiles.reader)
  if (root.equals(earlier.root)) return
  throw new Contradiction(earlier, later, root, await consistencyProof(earlier.size, later.size, tiles.reader))
}

/** @throws {Contradiction} for two roots of one size, for which no tile is needed */
export function expectNoTwin(later: SeenCheckpoint, earlier: SeenCheckpoint): void {
  if (later.size === earlier.size && !later.root.equals(earlier.root)) throw new Contradiction(earlier, later, later.root, [])
}
