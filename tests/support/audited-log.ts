import { expect } from 'vitest'
import type { RawSql } from '../../src/database/connect.ts'
import { chinaDate, foldState } from '../../src/domain/fold.ts'
import type { SubjectState } from '../../src/domain/order.ts'
import { openCheckpoint } from '../../src/log/checkpoint.ts'
import { parseVkey } from '../../src/log/note.ts'
import { RulesKeeper } from '../../src/log/rules-in-force.ts'
import { eventOfEntry } from '../../src/view/entry-event.ts'
import { referenceTree, sha256 } from '../log/reference-tree.ts'

export interface AuditedEntry {
  readonly index: number
  readonly kind: string
  readonly received: Date
  readonly entry: string
  readonly leaf: Buffer
  readonly party: string | null
  readonly eventId: string | null
  readonly subjectKind: string | null
  readonly subject: string | null
  readonly problem: string | null
}

/**
 * Holds everything that the database has of the log against what its entries say: places, times, leaf hashes, tiles, root, checkpoint,
 * and the state of every subject, folded from scratch.
 *
 * @returns the entries
 */
export async function auditLog(sql: RawSql, vkey: string): Promise<readonly AuditedEntry[]> {
  const entries = await sql<AuditedEntry[]>`
    select index, kind, received, entry, leaf, party, event_id as "eventId", subject_kind as "subjectKind", subject, problem
    from log.entries order by index`
  expect(entries.map(({ index }) => index)).toEqual(entries.map((_, place) => place))
  for (const { index, received, entry, leaf } of entries) {
    expect(leaf, `leaf ${index}`).toEqual(sha256(Buffer.of(0), Buffer.from(entry)))
    expect(JSON.parse(entry).received).toBe(received.toISOString())
  }
  const times = entries.map(({ received }) => received.getTime())
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  await auditTree(
    sql,
    entries.map(({ leaf }) => leaf),
    vkey,
  )
  await auditSubjects(sql, entries)
  return entries
}

async function auditTree(sql: RawSql, leaves: readonly Buffer[], vkey: string): Promise<void> {
  const [head] = await sql<{ size: number; root: Buffer; checkpoint: string; frontier: Buffer }[]>`select * from log.head`
  if (head === undefined) throw new Error('the log has no head')
  const tree = referenceTree(leaves)
  expect(head.size).toBe(leaves.length)
  expect(head.root).toEqual(tree.root(leaves.length))
  expect(openCheckpoint(head.checkpoint, parseVkey(vkey))).toMatchObject({ size: leaves.length, root: head.root })
  const tiles = await sql<{ level: number; n: number; hashes: Buffer; root: Buffer }[]>`select * from log.tiles order by level, n`
  const full = Array.from({ length: Math.floor(leaves.length / 256) }, (_, n) =>
    Buffer.concat(leaves.slice(n * 256, (n + 1) * 256)),
  )
  expect(tiles.filter(({ level }) => level === 0).map(({ hashes }) => hashes)).toEqual(full)
  for (const { level, n, root } of tiles)
    if (level === 0) expect(root).toEqual(referenceTree(leaves.slice(n * 256, (n + 1) * 256)).root(256))
}

/** Every history must be legal, one event after the other, and end in the state that the log keeps. */
async function auditSubjects(sql: RawSql, entries: readonly AuditedEntry[]): Promise<void> {
  const { rules } = (await RulesKeeper.load(sql)).inForce
  const folded = new Map<string, { state: SubjectState; lastIndex: number }>()
  for (const { index, kind, entry, received, subjectKind, subject } of entries) {
    if (kind !== 'event' || subjectKind === null || subject === null) continue
    const event = eventOfEntry(entry, index, subjectKind)
    const type = rules.types.get(event.type)
    if (type === undefined) throw new Error(`entry ${index} has the unknown type ${event.type}`)
    const before = folded.get(`${subjectKind} ${subject}`)
    const after = foldState(before?.state, event, type.kind, type.type.order, chinaDate(received))
    if ('refused' in after) throw new Error(`entry ${index} is out of order: ${after.refused.detail.en}`)
    folded.set(`${subjectKind} ${subject}`, { state: after.state, lastIndex: index })
  }
  const stored = await sql<{ key: string; state: SubjectState; lastIndex: number }[]>`
    select kind || ' ' || subject as key, state, last_index as "lastIndex" from log.subjects`
  expect(new Map(stored.map(({ key, state, lastIndex }) => [key, { state, lastIndex }]))).toEqual(folded)
}
