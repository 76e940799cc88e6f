import type { ReservedSql } from 'postgres'
import type { RawSql } from '../database/connect.ts'
import { edgeRanges, extend, type RightEdge, rightEdge, tileWidth } from './right-edge.ts'

/**
 * The first `width` hashes of a tile. Full tiles are stored; a partial one is put together from the leaves, or from the
 * roots of the full tiles below it.
 *
 * @param width 1 to 256; the caller knows that the log is long enough
 */
export async function readHashes(
  sql: RawSql | ReservedSql<{ bigint: number }>,
  level: number,
  n: number,
  width: number,
): Promise<Buffer> {
  const from = n * tileWidth
  const rows =
    width === tileWidth
      ? await sql<{ hash: Buffer }[]>`select hashes as hash from log.tiles where level = ${level} and n = ${n}`
      : level === 0
        ? await sql<
            { hash: Buffer }[]
          >`select leaf as hash from log.entries where index >= ${from} and index < ${from + width} order by index`
        : await sql<{ hash: Buffer }[]>`
            select root as hash from log.tiles where level = ${level - 1} and n >= ${from} and n < ${from + width} order by n`
  const hashes = Buffer.concat(rows.map(({ hash }) => hash))
  if (hashes.length !== width * 32)
    throw new Error(`tile ${level}/${n} holds ${hashes.length / 32} hashes where the log's size says ${width}`)
  return hashes
}

/** Beyond this many entries an edge is read anew: that takes at most a few hundred hashes. */
const maxCaughtUp = 1024

/** Leaf hashes of the entries from an index on, {@link maxCaughtUp} at most. */
export async function readLeavesFrom(sql: RawSql | ReservedSql<{ bigint: number }>, index: number): Promise<readonly Buffer[]> {
  const rows = await sql<{ leaf: Buffer }[]>`
    select leaf from log.entries where index >= ${index} order by index limit ${maxCaughtUp}`
  return rows.map(({ leaf }) => leaf)
}

/**
 * The edge after entries that somebody else has appended.
 *
 * @param leaves of all entries behind `edge`
 * @returns undefined when that is not the tree of this root: the log has another past
 */
export function caughtUp(edge: RightEdge, leaves: readonly Buffer[], root: Buffer): RightEdge | undefined {
  const extended = extend(edge, leaves)
  return extended.root.equals(root) ? extended.edge : undefined
}

/** The right side of the tree of `size` entries: what the next append starts from. */
export async function readEdge(sql: RawSql | ReservedSql<{ bigint: number }>, size: number): Promise<RightEdge> {
  const tiles: Buffer[] = []
  for (const { level, from, to } of edgeRanges(size))
    tiles[level] = await readHashes(sql, level, Math.floor(from / tileWidth), to - from)
  return rightEdge(
    size,
    Array.from(tiles, (tile) => tile ?? Buffer.alloc(0)),
  )
}
