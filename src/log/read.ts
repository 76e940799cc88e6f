import type { RawSql } from '../database/connect.ts'
import { payloadOfLogged } from '../identity/compact.ts'
import { type CatalogueLives, catalogueHistory } from './catalogue-history.ts'
import { type Checkpoint, openCheckpoint } from './checkpoint.ts'
import type { EntryFilter } from './entry-filter.ts'
import type { EntryRow } from './entry-row.ts'
import { type KeyLife, keyHistory } from './key-history.ts'
import type { NoteVerifier } from './note.ts'
import { receiptText } from './receipt.ts'
import { tileWidth } from './right-edge.ts'
import { type EntryPage, searchEntries } from './search.ts'
import { widthOf } from './tile.ts'
import { consistencyProof, inclusionProof } from './tile-proofs.ts'
import { readHashes } from './tile-store.ts'

/** An entry's place proved against the log as it is now. */
export interface Proved {
  readonly leafHash: Buffer
  /** tlog-proof text */
  readonly receipt: string
}

export interface LogReader {
  /** the signed note: of the head, which covers every event that any gateway answered, or what is published in its place */
  checkpoint(): Promise<string>
  entry(index: number): Promise<EntryRow | undefined>
  /** the accepted event a party sent under an id */
  eventOf(party: string, id: string): Promise<EntryRow | undefined>
  prove(index: number): Promise<Proved>
  /** hashes of a tile of any width that the log's size allows; undefined where it doesn't */
  tile(level: number, n: number, width: number): Promise<Buffer | undefined>
  /** entries from `n * 256` on, as many as `width`; undefined where the log is not that long */
  entries(n: number, width: number): Promise<readonly string[] | undefined>
  blob(digest: string): Promise<string | undefined>
  /** those of the types that the log has an event of, at `from` or later */
  typesUsed(types: readonly string[], from: number): Promise<readonly string[]>
  /** whether a catalogue was put in force by the operator's request with this jti */
  hasCatalogueRequest(jti: string): Promise<boolean>
  size(): Promise<number>
  /** entries in order of index, a page at a time; @see {@link searchEntries} */
  search(filter: EntryFilter): Promise<EntryPage>
  /** hashes that prove that the log of `to` entries begins with that of `from`; undefined where the log is not that long */
  consistency(from: number, to: number): Promise<readonly Buffer[] | undefined>
  /** every key that the party ever had */
  keyHistory(party: string): Promise<readonly KeyLife[]>
  /** every catalogue there was, a page at a time; @see {@link catalogueHistory} */
  catalogueHistory(page: { after?: string | undefined; limit: number }): Promise<CatalogueLives>
}

/**
 * Reads the log from its tables. Safe beside any number of appenders: what is asked for never changes.
 *
 * @param published tells the checkpoint to publish, where that is not the head: it waits for witnesses. Proofs are made against
 *   it as soon as it covers the entry
 */
export function createLogReader(
  sql: RawSql,
  verifier: NoteVerifier,
  published?: () => Promise<{ readonly size: number; readonly checkpoint: string }>,
): LogReader {
  const hashes = (level: number, n: number, width: number) => readHashes(sql, level, n, width)
  const head = async () => {
    const [row] = await sql<{ checkpoint: string; size: number }[]>`select checkpoint, size from log.head where id = 1`
    if (row === undefined) throw new Error('the log has no head: it was never begun')
    return row
  }
  return {
    checkpoint: async () => (await (published ?? head)()).checkpoint,
    size: async () => (await head()).size,
    entry: (index) => one(sql<EntryRow[]>`${selectEntry(sql)} where index = ${index}`),
    eventOf: (party, id) =>
      one(sql<EntryRow[]>`${selectEntry(sql)} where kind = 'event' and party = ${party} and event_id = ${id}`),
    async prove(index) {
      const cosigned = await published?.()
      const { checkpoint } = cosigned !== undefined && index < cosigned.size ? cosigned : await head()
      const { size }: Checkpoint = openCheckpoint(checkpoint, verifier)
      const proof = await inclusionProof(index, size, hashes)
      const [row] = await sql<{ leaf: Buffer }[]>`select leaf from log.entries where index = ${index}`
      if (row === undefined) throw new Error(`the log has no entry ${index}`)
      return { leafHash: row.leaf, receipt: receiptText({ index, proof, checkpoint }) }
    },
    async tile(level, n, width) {
      const { size } = await head()
      return width <= widthOf(level, n, size) ? hashes(level, n, width) : undefined
    },
    async entries(n, width) {
      const { size } = await head()
      if (width > widthOf(0, n, size)) return undefined
      const rows = await sql<{ entry: string }[]>`
        select entry from log.entries where index >= ${n * tileWidth} and index < ${n * tileWidth + width} order by index`
      return rows.map(({ entry }) => entry)
    },
    async blob(digest) {
      const [row] = await sql<{ content: string }[]>`select content from log.blobs where digest = ${digest}`
      return row?.content
    },
    async typesUsed(types, from) {
      if (types.length === 0) return []
      const rows = await sql<{ type: string }[]>`
        select type from unnest(${sql.array([...types], 1009)}) as wanted(type)
        where exists (select from log.entries e where e.kind = 'event' and e.type = wanted.type and e.index >= ${from})`
      return rows.map(({ type }) => type)
    },
    async hasCatalogueRequest(jti) {
      const rows = await sql<{ entry: string }[]>`select entry from log.entries where kind = 'catalogue'`
      return rows.some(({ entry }) => jtiOf(entry) === jti)
    },
    search: (filter) => searchEntries(sql, filter),
    async consistency(from, to) {
      const { size } = await head()
      return from <= to && to <= size ? consistencyProof(from, to, hashes) : undefined
    },
    keyHistory: (party) => keyHistory(sql, party),
    catalogueHistory: (page) => catalogueHistory(sql, page),
  }
}

function jtiOf(entry: string): unknown {
  const { request }: { request?: string } = JSON.parse(entry)
  return request === undefined ? undefined : payloadOfLogged(request).jti
}

async function one<T>(rows: PromiseLike<readonly T[]>): Promise<T | undefined> {
  return (await rows)[0]
}

const selectEntry = (sql: RawSql) => sql`
  select index, kind, received, entry, leaf, party, type, subject_kind as "subjectKind", subject from log.entries`
