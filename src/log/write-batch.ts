import { hexLines, lines } from '../database/lines.ts'
import { expectCommitted } from '../database/transaction.ts'
import type { Head } from './look-up.ts'
import { type Extended, frontierBytes } from './right-edge.ts'
import type { NewState, Row } from './rows.ts'
import type { Connection } from './transaction.ts'

export interface Write {
  readonly rows: readonly Row[]
  readonly states: ReadonlyMap<string, NewState>
  readonly tree: Extended
  readonly checkpoint: string
  readonly head: Head
  readonly rulesIndex: number
}

/**
 * The second round trip: one statement and the commit, with a constant number of parameters whatever the size of the batch. Each
 * statement more would cost client and server together as much as an event.
 */
export async function writeAndCommit(
  sql: Connection,
  { rows, states, tree, checkpoint, head, rulesIndex }: Write,
): Promise<void> {
  const column = (read: (row: Row) => string | undefined) => lines(rows.map(read))
  const newStates = [...states.values()]
  const commit = sql`commit`
  await Promise.all([
    sql`
      with appended as (
        insert into log.entries (index, kind, received, entry, leaf, party, event_id, type, subject_kind, subject, digest, problem)
        select ${head.size}::bigint + ord - 1, kind, ${head.received}, entry, decode(leaf, 'hex'), party, event_id, type, subject_kind, subject,
          decode(digest, 'hex'), problem
        from rows from (
          string_to_table(${column(({ kind }) => kind)}, E'\n'),
          string_to_table(${column(({ entry }) => entry)}, E'\n'),
          string_to_table(${hexLines(rows.map(({ leaf }) => leaf))}, E'\n'),
          string_to_table(${column(({ party }) => party)}, E'\n', ''),
          string_to_table(${column(({ eventId }) => eventId)}, E'\n', ''),
          string_to_table(${column(({ type }) => type)}, E'\n', ''),
          string_to_table(${column(({ subjectKind }) => subjectKind)}, E'\n', ''),
          string_to_table(${column(({ subject }) => subject)}, E'\n', ''),
          string_to_table(${hexLines(rows.map(({ digest }) => digest))}, E'\n', ''),
          string_to_table(${column(({ problem }) => problem)}, E'\n', '')
        ) with ordinality as row(kind, entry, leaf, party, event_id, type, subject_kind, subject, digest, problem, ord)
      ), folded as (
        insert into log.subjects (kind, subject, state, last_index)
        select kind, subject, state::jsonb, last_index::bigint
        from rows from (
          string_to_table(${lines(newStates.map(({ kind }) => kind))}, E'\n'),
          string_to_table(${lines(newStates.map(({ subject }) => subject))}, E'\n'),
          string_to_table(${lines(newStates.map(({ state }) => JSON.stringify(state)))}, E'\n'),
          string_to_table(${lines(newStates.map(({ lastIndex }) => String(lastIndex)))}, E'\n')
        ) as row(kind, subject, state, last_index)
        on conflict (kind, subject) do update set state = excluded.state, last_index = excluded.last_index
      )
      update log.head set size = ${tree.edge.size}, frontier = ${frontierBytes(tree.edge)}, root = ${tree.root}, checkpoint = ${checkpoint},
        last_received = ${head.received}, rules_index = ${rulesIndex} where id = 1`,
    ...tree.fullTiles.map(
      ({ level, n, hashes, root }) =>
        sql`insert into log.tiles (level, n, hashes, root) values (${level}, ${n}, ${hashes}, ${root})`,
    ),
    // sent when it is waited for, the last of all
    commit,
  ])
  expectCommitted(await commit)
}
