import type { RawSql } from '../database/connect.ts'
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
  readonly createdAt: Date
}

/** What is asked about operations. */
export interface OperationQueries {
  /** the newest hundred, of one bureau or of all */
  replays(bureau: string | undefined): Promise<readonly Replay[]>
  replay(id: number): Promise<Replay | undefined>
  /** those that can still be approved, oldest first */
  proposals(): Promise<readonly WaitingProposal[]>
}

export function createOperationQueries(sql: RawSql): OperationQueries {
  return {
    replays: (bureau) => listReplays(sql, bureau),
    replay: (id) => readReplay(sql, id),
    proposals: () => sql<WaitingProposal[]>`
      select id, action, party, kid, reason, created_at as "createdAt" from operations.proposals
      where state = 'waiting' and created_at > now() - ${proposalHours} * interval '1 hour' order by id limit 100`,
  }
}
