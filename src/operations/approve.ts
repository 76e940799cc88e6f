import type { RawSql } from '../database/connect.ts'
import { RefusedRequest } from '../domain/refusal.ts'
import type { JsonObject, Text } from '../domain/text.ts'
import type { Act, ActRecord } from './act.ts'
import { indexIn, refusal } from './request.ts'

/** A proposal that nobody approves within it is void; ask anew. */
export const proposalHours = 24

interface Proposal {
  readonly action: string
  readonly party: string
  readonly kid: string
  readonly reason: string
  readonly details: JsonObject
  readonly state: string
  readonly createdAt: Date
}

/**
 * `approve`: the second person's word for an act that the catalogue's two-person rule holds back. The act is carried out as its
 * proposer asked.
 *
 * @param actOf finds the act that was proposed
 */
export function approveAct(sql: RawSql, actOf: (action: string) => Act | undefined): Act {
  return {
    action: 'approve',
    prepare(payload) {
      const operation = indexIn(payload, 'operation')
      return {
        weighty: false,
        async before({ kid }) {
          const [proposal] = await read(sql, operation)
          if (proposal === undefined) return { refusal: refusal(noProposal(operation)) }
          if (proposal.state === 'approved') return { already: { operation, state: 'approved' } }
          if (isOld(proposal, new Date())) return { refusal: refusal(tooOld) }
          return proposal.kid === kid ? { refusal: { code: 'not-yours', detail: samePerson } } : undefined
        },
        async carryOut(tx, record) {
          const [proposal] = await read(tx, operation)
          if (proposal?.state !== 'waiting' || isOld(proposal, record.received)) return
          if (proposal.kid === record.kid) throw new RefusedRequest('not-yours', samePerson)
          await tx`update operations.proposals set state = 'approved', approved_by = ${record.index} where id = ${operation}`
          const { party, kid, reason, createdAt } = proposal
          const proposed: ActRecord = { index: operation, received: createdAt, party, kid, reason }
          await actOf(proposal.action)?.prepare(proposal.details).carryOut(tx, proposed)
        },
      }
    },
  }
}

async function read(sql: RawSql, operation: number): Promise<Proposal[]> {
  return await sql<Proposal[]>`
    select action, party, kid, reason, details, state, created_at as "createdAt" from operations.proposals where id = ${operation}`
}

const isOld = ({ createdAt }: Proposal, now: Date) => now.getTime() - createdAt.getTime() > proposalHours * 3_600_000

const samePerson: Text = {
  en: 'the same key proposed it: a second person must approve it, with a key of their own',
  zh: '该操作由同一密钥提出：须由第二人以其本人密钥批准',
}
const tooOld: Text = {
  en: `it was proposed more than ${proposalHours} hours ago; propose it anew`,
  zh: `提出已超过 ${proposalHours} 小时；请重新提出`,
}
const noProposal = (operation: number): Text => ({
  en: `nothing waits for approval under ${operation}; GET /v1/operations/proposals lists what does`,
  zh: `${operation} 下没有待批准的操作；可用 GET /v1/operations/proposals 查看`,
})
