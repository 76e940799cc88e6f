import type { RawSql } from '../database/connect.ts'
import type { Text } from '../domain/text.ts'
import type { Act } from './act.ts'
import { indexIn, invalid, refusal } from './request.ts'

export interface RepublishMeans {
  readonly sql: RawSql
  /** false: every consumer reads the log itself, and there is nothing to send */
  readonly broker: boolean
}

/**
 * `republish`: has the publisher send a stretch of the log to the topics again. Consumers of the exchange ignore what they have;
 * a topic that was lost gets its history back.
 */
export function republishAct({ sql, broker }: RepublishMeans): Act {
  return {
    action: 'republish',
    prepare(payload) {
      const from = indexIn(payload, 'from')
      const to = payload.to === undefined ? undefined : indexIn(payload, 'to')
      if (to !== undefined && to < from) throw invalid({ en: 'to must not be below from', zh: 'to 不得小于 from' })
      return {
        weighty: false,
        async before() {
          if (!broker) return { refusal: refusal(noBroker) }
          const [head] = await sql<{ last: number }[]>`select coalesce(max(index), -1) as last from log.entries`
          if (from > (head?.last ?? -1)) return { refusal: refusal(beyond(from)) }
          const [same] = await sql<{ id: number }[]>`
            select id from log.republications where finished_at is null and from_index = ${from}
              and (${to === undefined} or to_index = ${to ?? -1}) limit 1`
          return same === undefined ? undefined : { already: { republication: same.id } }
        },
        async carryOut(tx, { index, received, party, reason }) {
          await tx`
            insert into log.republications (id, from_index, to_index, sent_to, events, party, reason, created_at)
            values (${index}, ${from}, ${Math.min(to ?? index, index)}, ${from - 1}, 0, ${party}, ${reason}, ${received})`
        },
        answer: (index) => Promise.resolve({ republication: index }),
      }
    },
  }
}

const noBroker: Text = {
  en: 'this exchange has no broker: every consumer reads the log itself',
  zh: '本系统未配置消息代理：各消费者直接读取日志',
}
const beyond = (from: number): Text => ({
  en: `the log has no entry ${from} yet; the stretch begins at one that there is`,
  zh: `日志中尚无条目 ${from}；起点须为已有条目`,
})
