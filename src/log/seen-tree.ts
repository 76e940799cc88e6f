import type { RawSql } from '../database/connect.ts'
import type { Head } from './look-up.ts'
import { type RightEdge, rootOfEdge } from './right-edge.ts'
import { rootFromTiles } from './tile-proofs.ts'
import { caughtUp, readEdge, readHashes, readLeavesFrom } from './tile-store.ts'
import type { Connection } from './transaction.ts'
import { LogInconsistent } from './verify-start.ts'

interface KnownTree {
  readonly size: number
  readonly root: Buffer
}

/** The newest tree of the database, signed. */
export interface SignedHead extends KnownTree {
  readonly checkpoint: string
}

/** @throws {Error} for a log that was never begun */
export async function readSignedHead(sql: RawSql): Promise<SignedHead> {
  const [head] = await sql<SignedHead[]>`select size, root, checkpoint from log.head`
  if (head === undefined) throw new Error('the log has no head: it was never begun')
  return head
}

/**
 * The latest tree that this gateway knows to be durable: whatever the database says later has to begin with it. A database that doesn't
 * was put back to an earlier state under us, by a backup or by a standby that lacked the last commits; to append to it would fork
 * the log.
 */
export class SeenTree {
  #known: KnownTree
  /** the known tree's right side, once we have appended to it */
  #edge: RightEdge | undefined
  #shared = false

  /** @param known of a log that was just made sure of */
  constructor({ size, root }: KnownTree) {
    this.#known = { size, root }
  }

  /** Where entries that others have appended begin; undefined when nobody had before our last append. */
  get sharedFrom(): number | undefined {
    return this.#shared ? this.#edge?.size : undefined
  }

  saw(edge: RightEdge, root: Buffer): void {
    this.#known = { size: edge.size, root }
    this.#edge = edge
  }

  /** @throws {LogInconsistent} when the database has fewer entries than that, or as many others */
  expectIn({ size, root }: Head): void {
    const { size: seen, root: seenRoot } = this.#known
    if (size < seen) throw new LogInconsistent([`this gateway knew ${seen} entries, but the database's log has only ${size}`])
    if (size === seen && !root.equals(seenRoot)) throw otherEntries(seen)
  }

  /**
   * The right side of the tree that the head says.
   *
   * @param leaves from {@link sharedFrom} on, when they were asked for already
   * @throws {LogInconsistent} when that tree does not begin with the known one
   */
  async edgeAt(sql: Connection | RawSql, { size, root }: Head, leaves?: readonly Buffer[]): Promise<RightEdge> {
    const before = this.#edge
    this.#shared = before !== undefined && before.size < size
    if (before?.size === size) return before
    if (before !== undefined) {
      const since = leaves ?? (await readLeavesFrom(sql, before.size))
      if (before.size + since.length === size) return caughtUp(before, since, root) ?? this.#fail()
    }
    const edge = await readEdge(sql, size)
    if (!rootOfEdge(edge).equals(root)) throw new LogInconsistent([`the head's root is not that of its ${size} entries`])
    await this.#expectPast(sql)
    return edge
  }

  /** Reads a few hundred hashes at most; only where we are far behind, or have not appended since the start. */
  async #expectPast(sql: Connection | RawSql): Promise<void> {
    const { size, root } = this.#known
    const found = await rootFromTiles(size, (level, n, width) => readHashes(sql, level, n, width))
    if (!found.equals(root)) this.#fail()
  }

  #fail(): never {
    throw otherEntries(this.#known.size)
  }
}

function otherEntries(size: number): LogInconsistent {
  return new LogInconsistent([`the log's first ${size} entries are not those that this gateway knew`])
}
