import type { RawSql } from '../database/connect.ts'
import { inTransaction } from '../database/transaction.ts'
import { openCheckpoint } from './checkpoint.ts'
import type { LogKey } from './log-key.ts'
import { leafHash } from './merkle.ts'
import { frontierBytes, rootOfEdge, tileWidth } from './right-edge.ts'
import { rootFromTiles } from './tile-proofs.ts'
import { readEdge, readHashes } from './tile-store.ts'
import type { Connection } from './transaction.ts'

/** The database's log is not the one that was published, or does not agree with itself. Nothing may be appended to it. */
export class LogInconsistent extends Error {
  override readonly name = 'LogInconsistent'

  constructor(differences: readonly string[]) {
    super(
      `the log can't be continued:\n${differences.map((one) => `  - ${one}`).join('\n')}\n` +
        'Nothing was written: appending now would fork the log. If the database was restored from a backup, restore the newest one; if there ' +
        'is no newer one, `lianban log recover` puts back what is missing from mirrors, receipts and Kafka (docs/operator.md, the drill).',
    )
  }
}

interface HeadRow {
  readonly origin: string
  readonly size: number
  readonly frontier: Buffer
  readonly root: Buffer
  readonly checkpoint: string
}

/**
 * Compares rows, head, checkpoint and the last checkpoint that this gateway published.
 *
 * The tail of the log is hashed anew; hashing all of it is the auditor's work.
 *
 * @param lastPublished signed checkpoint from `DATA_DIR/last-checkpoint`
 * @throws {LogInconsistent} naming every difference
 */
export async function verifyStart(sql: RawSql, key: LogKey, lastPublished: string | undefined): Promise<void> {
  // of one moment: other gateways may be appending meanwhile
  await inTransaction(sql, async (snapshot) => {
    await snapshot`set transaction isolation level repeatable read, read only`
    await verifyAt(snapshot, key, lastPublished)
  })
}

async function verifyAt(sql: Connection, key: LogKey, lastPublished: string | undefined): Promise<void> {
  const [head] = await sql<HeadRow[]>`select origin, size, frontier, root, checkpoint from log.head`
  if (head === undefined) {
    if (lastPublished !== undefined)
      throw new LogInconsistent(['the database has no log, but this gateway has published a checkpoint of one'])
    return
  }
  const differences = [...(await headDifferences(sql, head, key))]
  if (differences.length === 0 && lastPublished !== undefined)
    differences.push(...(await publishedDifferences(sql, head, key, lastPublished)))
  if (differences.length > 0) throw new LogInconsistent(differences)
}

async function headDifferences(sql: Connection, head: HeadRow, key: LogKey): Promise<readonly string[]> {
  if (head.origin !== key.origin) return [`the log's origin is ${head.origin}, but LOG_ORIGIN is ${key.origin}`]
  const [{ last } = { last: null }] = await sql<{ last: number | null }[]>`select max(index) as last from log.entries`
  if (head.size !== (last ?? -1) + 1) return [`the head says ${head.size} entries, but the last row is entry ${last ?? 'none'}`]
  const differences: string[] = []
  try {
    const edge = await readEdge(sql, head.size)
    if (!frontierBytes(edge).equals(head.frontier)) differences.push("the head's frontier is not that of the rows")
    if (!rootOfEdge(edge).equals(head.root)) differences.push("the head's root is not that of the rows and tiles")
  } catch (error) {
    differences.push(error instanceof Error ? error.message : String(error))
  }
  differences.push(...(await tailDifferences(sql, head.size)))
  try {
    const checkpoint = openCheckpoint(head.checkpoint, key.verifier)
    if (checkpoint.size !== head.size)
      differences.push(`the stored checkpoint is of size ${checkpoint.size}, the head of ${head.size}`)
    else if (!checkpoint.root.equals(head.root)) differences.push('the stored checkpoint has another root than the head')
  } catch (error) {
    differences.push(
      `the stored checkpoint does not verify with the log's key: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
  return differences
}

/** The entries of the unfinished tile against their leaf hashes, and that none of them is missing. */
async function tailDifferences(sql: Connection, size: number): Promise<readonly string[]> {
  const from = Math.max(0, size - 1 - ((size - 1) % tileWidth))
  const rows = await sql<{ index: number; entry: string; leaf: Buffer }[]>`
    select index, entry, leaf from log.entries where index >= ${from} order by index`
  const gap = rows.find(({ index }, i) => index !== from + i)
  if (gap !== undefined) return [`an entry before ${gap.index} is missing`]
  return rows.flatMap(({ index, entry, leaf }) =>
    leafHash(entry).equals(leaf) ? [] : [`entry ${index} does not have the hash that stands beside it`],
  )
}

async function publishedDifferences(
  sql: Connection,
  head: HeadRow,
  key: LogKey,
  lastPublished: string,
): Promise<readonly string[]> {
  try {
    const published = openCheckpoint(lastPublished, key.verifier)
    if (published.size > head.size)
      return [
        `this gateway published a checkpoint of size ${published.size}, but the database's log has only ${head.size} entries`,
      ]
    const root = await rootFromTiles(published.size, (level, n, width) => readHashes(sql, level, n, width))
    return root.equals(published.root)
      ? []
      : [`the log's first ${published.size} entries do not have the root that this gateway published`]
  } catch (error) {
    return [`the last published checkpoint can't be compared: ${error instanceof Error ? error.message : String(error)}`]
  }
}
