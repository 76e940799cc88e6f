import { Contradiction, type SeenCheckpoint } from '../audit/contradiction.ts'
import type { RawSql } from '../database/connect.ts'
import type { LogKey } from '../log/log-key.ts'
import { emptyRoot } from '../log/merkle.ts'
import { emptyEdge, type RightEdge } from '../log/right-edge.ts'
import { consistencyProof, rootFromTiles } from '../log/tile-proofs.ts'
import { readEdge, readHashes } from '../log/tile-store.ts'
import { verifyStart } from '../log/verify-start.ts'

/** The log as the backup brought it back. */
export interface RestoredLog {
  readonly size: number
  readonly root: Buffer
  readonly edge: RightEdge
  /** of its last entry */
  readonly lastReceived: Date | undefined
  /** its own signed note */
  readonly checkpoint: string | undefined
}

/**
 * Reads the restored log; a database without any is a log of no entries.
 *
 * @throws {LogInconsistent} when it does not agree with itself: this backup is no good
 */
export async function readRestored(sql: RawSql, key: LogKey): Promise<RestoredLog> {
  await verifyStart(sql, key, undefined)
  const [head] = await sql<{ size: number; root: Buffer; lastReceived: Date; checkpoint: string }[]>`
    select size, root, last_received as "lastReceived", checkpoint from log.head`
  if (head === undefined) return { size: 0, root: emptyRoot, edge: emptyEdge, lastReceived: undefined, checkpoint: undefined }
  return { ...head, edge: await readEdge(sql, head.size) }
}

/**
 * Holds what the log's key signed against the restored log, as far as that goes.
 *
 * @throws {Contradiction} when the restored log is another history than the published one: nothing can be put behind it
 */
export async function expectPublished(sql: RawSql, restored: RestoredLog, published: readonly SeenCheckpoint[]): Promise<void> {
  const read = (level: number, n: number, width: number) => readHashes(sql, level, n, width)
  for (const checkpoint of published) {
    const { size } = checkpoint
    if (size === 0 || size > restored.size || restored.checkpoint === undefined) continue
    const root = await rootFromTiles(size, read)
    if (root.equals(checkpoint.root)) continue
    const { origin } = checkpoint
    const own = { origin, size: restored.size, root: restored.root, note: restored.checkpoint }
    throw new Contradiction(checkpoint, own, root, await consistencyProof(size, restored.size, read))
  }
}
