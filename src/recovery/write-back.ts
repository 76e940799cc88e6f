import { loadRules } from '../catalogue/compile.ts'
import { hexLines, lines } from '../database/lines.ts'
import { chinaDate, foldState } from '../domain/fold.ts'
import type { SubjectState } from '../domain/order.ts'
import { KeysInForce } from '../identity/keys-in-force.ts'
import { kindAndSubject } from '../log/decide.ts'
import type { LogKey } from '../log/log-key.ts'
import { extend, frontierBytes, type RightEdge } from '../log/right-edge.ts'
import type { Row } from '../log/rows.ts'
import type { RulesInForce } from '../log/rules-in-force.ts'
import type { Connection } from '../log/transaction.ts'
import { type ReadEntry, readEntry } from './entry-columns.ts'
import type { FoundEntries } from './found-entries.ts'

const chunkEntries = 500

export interface WriteBack {
  readonly key: LogKey
  /** of the restored log */
  readonly edge: RightEdge
  /** what the log becomes, signed by its key */
  readonly target: { readonly size: number; readonly root: Buffer }
  /** of the restored log; undefined where it has not even its first entry */
  readonly inForce: RulesInForce | undefined
  readonly found: FoundEntries
  /** @throws {Error} naming what to bring when no source has the file */
  readonly blob: (digest: string) => Promise<string>
  readonly onProgress?: (done: number, total: number) => void
}

type Rules = Pick<RulesInForce, 'keys' | 'index'> & { readonly rules: RulesInForce['rules'] | undefined }

/**
 * Puts the found entries behind the restored log, as the append once wrote them: rows, tiles, states of subjects, files of
 * catalogues, and the head with the same checkpoint. The caller's transaction holds the head and commits.
 *
 * @throws {Error} when they do not make up the target's root, or an entry is none that the rules of its time allow
 */
export async function writeBack(
  sql: Connection,
  { key, edge, target, inForce, found, blob, onProgress }: WriteBack,
): Promise<void> {
  let tree = edge
  let root: Buffer | undefined
  let lastReceived: Date | undefined
  let rules: Rules = inForce ?? { keys: KeysInForce.none, rules: undefined, index: -1 }
  while (tree.size < target.size) {
    const entries: ReadEntry[] = []
    const before = rules
    for (let index = tree.size; index < Math.min(target.size, tree.size + chunkEntries); index++) {
      const read = readEntry(index, await found.read(index), rules.rules, rules.keys)
      rules = await rulesAfter(sql, rules, read, blob)
      entries.push(read)
      lastReceived = read.received
      // what follows is judged by them
      if (rules !== before) break
    }
    await insertRows(sql, entries)
    await foldStates(sql, entries, before)
    const extended = extend(
      tree,
      entries.map(({ row }) => row.leaf),
    )
    for (const { level, n, hashes, root: of } of extended.fullTiles)
      await sql`insert into log.tiles (level, n, hashes, root) values (${level}, ${n}, ${hashes}, ${of})`
    tree = extended.edge
    root = extended.root
    onProgress?.(tree.size - edge.size, target.size - edge.size)
  }
  if (root === undefined || lastReceived === undefined || !root.equals(target.root))
    throw new Error('the entries that were found do not make up the published root; nothing was written')
  const checkpoint = key.signCheckpoint(target.size, root)
  await sql`
    insert into log.head (id, origin, size, frontier, root, checkpoint, last_received, rules_index)
    values (1, ${key.origin}, ${target.size}, ${frontierBytes(tree)}, ${root}, ${checkpoint}, ${lastReceived}, ${rules.index})
    on conflict (id) do update set size = excluded.size, frontier = excluded.frontier, root = excluded.root,
      checkpoint = excluded.checkpoint, last_received = excluded.last_received, rules_index = excluded.rules_index`
}

async function rulesAfter(sql: Connection, before: Rules, { row, formed }: ReadEntry, blob: WriteBack['blob']): Promise<Rules> {
  const { index } = row
  if (formed.kind === 'key') return { ...before, keys: await before.keys.apply(JSON.parse(row.entry), index), index }
  if (formed.kind !== 'catalogue') return before
  const files = new Map<string, string>()
  for (const [name, digest] of Object.entries(formed.catalogue.files)) {
    const content = await blob(digest)
    files.set(name, content)
    await sql`insert into log.blobs values (${digest}, ${content}) on conflict do nothing`
  }
  return { ...before, rules: loadRules(files), index }
}

async function insertRows(sql: Connection, entries: readonly ReadEntry[]): Promise<void> {
  const column = (read: (row: Row) => string | undefined) => lines(entries.map(({ row }) => read(row)))
  const bytes = (read: (row: Row) => Buffer | undefined) => hexLines(entries.map(({ row }) => read(row)))
  await sql`
    insert into log.entries (index, kind, received, entry, leaf, party, event_id, type, subject_kind, subject, digest, problem)
    select index::bigint, kind, received::timestamptz, entry, decode(leaf, 'hex'), party, event_id, type, subject_kind, subject,
      decode(digest, 'hex'), problem
    from rows from (
      string_to_table(${column(({ index }) => String(index))}, E'\n'),
      string_to_table(${column(({ kind }) => kind)}, E'\n'),
      string_to_table(${lines(entries.map(({ received }) => received.toISOString()))}, E'\n'),
      string_to_table(${column(({ entry }) => entry)}, E'\n'),
      string_to_table(${bytes(({ leaf }) => leaf)}, E'\n'),
      string_to_table(${column(({ party }) => party)}, E'\n', ''),
      string_to_table(${column(({ eventId }) => eventId)}, E'\n', ''),
      string_to_table(${column(({ type }) => type)}, E'\n', ''),
      string_to_table(${column(({ subjectKind }) => subjectKind)}, E'\n', ''),
      string_to_table(${column(({ subject }) => subject)}, E'\n', ''),
      string_to_table(${bytes(({ digest }) => digest)}, E'\n', ''),
      string_to_table(${column(({ problem }) => problem)}, E'\n', '')
    ) as row(index, kind, received, entry, leaf, party, event_id, type, subject_kind, subject, digest, problem)`
}

/** Every event once more against its subject's state, by the rules and the day of its time. */
async function foldStates(sql: Connection, entries: readonly ReadEntry[], { rules }: Rules): Promise<void> {
  const events = entries.filter(({ step }) => step !== undefined)
  if (events.length === 0 || rules === undefined) return
  const kinds = events.map(({ row }) => row.subjectKind ?? '')
  const subjects = events.map(({ row }) => row.subject ?? '')
  const known = await sql<{ kind: string; subject: string; state: SubjectState }[]>`
    select distinct kind, subject, state
    from log.subjects join unnest(${kinds}::text[], ${subjects}::text[]) as wanted (kind, subject) using (kind, subject)`
  const states = new Map(known.map(({ kind, subject, state }) => [kindAndSubject(kind, subject), state]))
  const changed = new Map<string, { kind: string; subject: string; state: SubjectState; index: number }>()
  for (const { row, step, received } of events) {
    const { index, subjectKind: kind = '', subject = '' } = row
    const type = rules.types.get(row.type ?? '')
    if (type === undefined || step === undefined)
      throw new Error(`entry ${index} has a type that the rules of its time do not have`)
    const name = kindAndSubject(kind, subject)
    const folded = foldState(states.get(name), step, type.kind, type.type.order, chinaDate(received))
    if ('refused' in folded) throw new Error(`entry ${index} is not in legal order: ${folded.refused.detail.en}`)
    states.set(name, folded.state)
    changed.set(name, { kind, subject, state: folded.state, index })
  }
  await sql`
    insert into log.subjects (kind, subject, state, last_index)
    select kind, subject, state, index from json_to_recordset(${JSON.stringify([...changed.values()])}::text::json)
      as folded (kind text, subject text, state jsonb, index bigint)
    on conflict (kind, subject) do update set state = excluded.state, last_index = excluded.last_index`
}
