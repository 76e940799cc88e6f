import type { RawSql } from '../database/connect.ts'
import type { JsonObject } from '../domain/text.ts'
import type { Rebuild } from '../replay/rebuild.ts'
import { listRebuilds, readRebuild } from '../replay/rebuild-store.ts'
import type { Replay } from '../replay/replay.ts'
import { listReplays, readReplay } from '../replay/store.ts'
import { proposalHours } from './approve.ts'

/** An act that waits for a second person. */
export interface WaitingProposal {
  readonly id: number
  readonly action: string
  readonly party: string
  readonly kid: string
  readonly reason: string
  /** what the request names beside what every request has: whose view, which events */
  readonly details: JsonObject
  /** of a swap: records of the live view that it takes away; null where that was not counted, and of any other act */
  readonly recordsTaken: number | null
  readonly createdAt: Date
}

/** What is asked about operations. */
export interface OperationQueries {
  /** the newest hundred, of one bureau or of all */
  replays(bureau: string | undefined): Promise<readonly Replay[]>
  replay(id: number): Promise<Replay | undefined>
  /** the same */
  rebuilds(bureau: string | undefined): Promise<readonly Rebuild[]>
  rebuild(id: number): Promise<Rebuild | undefined>
  /** does the act that was asked for at an index wait for a second person? */
  waits(index: number): Promise<boolean>
  /** those that can still be approved, oldest first */
  proposals(): Promise<readonly WaitingProposal[]>
}

/** Members of every signed request, see identity/operation-request.ts. */
const envelope = ['action', 'reason', 'log', 'iat', 'jti']

export function createOperationQueries(sql: RawSql): OperationQueries {
  return {
    replays: (bureau) => listReplays(sql, bureau),
    replay: (id) => readReplay(sql, id),
    rebuilds: (bureau) => listRebuilds(sql, bureau),
    rebuild: (id) => readRebuild(sql, id),
    async waits(index) {
      const [row] = await sql`select from operations.proposals where id = ${index} and state = 'waiting'`
      return row !== undefined
    },
    proposals: () => sql<WaitingProposal[]>`
      select id, action, party, kid, reason, details - ${envelope}::text[] as details, created_at as "createdAt", (
        select (r.result->'recordsTaken')::int from operations.rebuilds r
        where r.id = case when action = 'swap-view' then (details->>'rebuild')::bigint end) as "recordsTaken" from operations.proposals
      where state = 'waiting' and created_at > now() - ${proposalHours} * interval '1 hour' order by id limit 100`,
  }
}
