import type { Cosignature } from '../log/cosignature.ts'
import { hashBytes, leafHash } from '../log/merkle.ts'
import { parseReceipt, verifyReceipt } from '../log/receipt.ts'
import { tileWidth } from '../log/right-edge.ts'
import { AuthenticTiles, NotOfThisLog } from './authentic-tiles.ts'
import { expectExtends, type SeenCheckpoint } from './contradiction.ts'
import type { LogSource } from './log-source.ts'
import { type CheckpointRules, openShownCheckpoint, openTrustedCheckpoint } from './trusted-checkpoint.ts'

/** What a receipt says, once it is proved. */
export interface ProvedReceipt {
  readonly index: number
  readonly leaf: Buffer
  readonly checkpoint: SeenCheckpoint
  /** of the auditor's witnesses */
  readonly cosignatures: readonly Cosignature[]
}

/** How a receipt stands to the log as it is today. */
export type Standing =
  /** the log of today begins with the log of the receipt */
  | { readonly state: 'belongs'; readonly size: number }
  /** what is here ends before the receipt's checkpoint: an old copy, or a log that was put back */
  | { readonly state: 'shorter'; readonly size: number }

/** @throws {Error} in a sentence, when it proves nothing */
export function proveReceipt(text: string, entry: Uint8Array, rules: CheckpointRules): ProvedReceipt {
  const { index, ...checkpoint } = verifyReceipt(text, entry, rules.log)
  const note = parseReceipt(text).checkpoint
  const { cosignatures } = openTrustedCheckpoint(note, rules)
  return { index, leaf: leafHash(entry), checkpoint: { ...checkpoint, note }, cosignatures }
}

/**
 * Whether a receipt's checkpoint belongs to the log as a source shows it. Nothing is taken on the source's word: the
 * proof is put together from its tiles and must lead to a root that the log's key signed.
 *
 * @throws {Contradiction} when the log signed another history since, or before
 * @throws {NotOfThisLog} when the source shows something that is not the log's
 * @throws {SourceFailed} when it could not be found out
 */
export async function standingOf(proved: ProvedReceipt, source: LogSource, rules: CheckpointRules): Promise<Standing> {
  const today = openShownCheckpoint(await source.checkpoint(), source.name, rules)
  const tiles = await AuthenticTiles.open(today, source.tile)
  const { index, leaf, checkpoint } = proved
  if (checkpoint.size <= today.size) {
    await expectExtends(today, checkpoint, tiles)
    return { state: 'belongs', size: today.size }
  }
  // a shorter log can't show that the longer one extends it, but it can show that it does not hold the entry
  if (index < today.size) {
    const tile = await tiles.read(0, Math.floor(index / tileWidth))
    const place = (index % tileWidth) * hashBytes
    if (!tile.subarray(place, place + hashBytes).equals(leaf))
      throw new NotOfThisLog(`the log of today has another entry at index ${index}: it was rewritten after the receipt was given`)
  }
  return { state: 'shorter', size: today.size }
}
