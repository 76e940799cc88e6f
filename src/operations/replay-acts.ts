import type { Rules } from '../catalogue/rules.ts'
import type { RawSql } from '../database/connect.ts'
import type { Transaction } from '../database/transaction.ts'
import type { Text } from '../domain/text.ts'
import { readFilter } from '../replay/filter.ts'
import type { Replay, ReplayState } from '../replay/replay.ts'
import { lockReplay, readReplay, saveReplay } from '../replay/store.ts'
import type { Act, PreparedAct } from './act.ts'
import { bureauIn, countIn, indexIn, invalid, noBureau, refusal } from './request.ts'

/** Events a second, where the operator names no rate: a machine of two cores does this beside its daily traffic. */
export const defaultRate = 500
export const maxRate = 1_000_000
/** Subjects that may fail again before a replay pauses by itself. */
export const defaultPauseAfter = 20
const defaultCanarySubjects = 5

/** What is done with a plan. */
export const replayChanges = ['canary-replay', 'start-replay', 'pause-replay', 'resume-replay', 'cancel-replay'] as const

interface Means {
  readonly sql: RawSql
  readonly rules: () => Rules
}

/** `plan-replay` and what is done with a plan. */
export function replayActs(means: Means): readonly Act[] {
  return [
    planReplay(means),
    change(means, 'canary-replay', ['planned', 'paused'], (replay, payload) => {
      const allowance = countIn(payload, 'subjects', 10_000) ?? defaultCanarySubjects
      return { ...running(replay), allowance, pauseAfter: replay.pauseAfter }
    }),
    change(means, 'start-replay', ['planned', 'paused'], (replay, payload) => {
      const pauseAfter = countIn(payload, 'pauseAfter', 1_000_000_000) ?? defaultPauseAfter
      const rate = payload.rate === null ? null : (countIn(payload, 'rate', maxRate) ?? defaultRate)
      return { ...running(replay), rate, pauseAfter, allowance: null }
    }),
    change(means, 'pause-replay', ['running'], (replay) => ({ ...replay, state: 'paused', note: 'an operator paused it' })),
    change(means, 'resume-replay', ['paused'], (replay) => ({ ...running(replay), allowance: null })),
    change(means, 'cancel-replay', ['planning', 'planned', 'running', 'paused'], (replay) => ({
      ...replay,
      state: 'cancelled',
      note: 'an operator cancelled it',
    })),
  ]
}

function running(replay: Replay): Replay {
  return { ...replay, state: 'running', failedSinceResume: 0, note: null }
}

function planReplay({ sql, rules }: Means): Act {
  return {
    action: 'plan-replay',
    prepare(payload) {
      const bureau = bureauIn(payload)
      const filter = readFilter(payload.filter)
      const text = JSON.stringify(filter)
      const started = (at: RawSql) => at<{ id: number; state: string }[]>`
        select id, state from operations.replays
        where bureau = ${bureau} and filter = ${text}::text::jsonb and state in ('running', 'paused') and started_at is not null`
      return {
        weighty: false,
        async before() {
          if (!rules().bureaus.some(({ id }) => id === bureau)) return { refusal: refusal(noBureau(bureau)) }
          const [same] = await started(sql)
          return same === undefined ? undefined : { already: { ...same, note: 'the same replay is under way' } }
        },
        async carryOut(tx, { index, received, party, reason }) {
          const [same] = await started(tx)
          if (same !== undefined) return
          await tx`
            update operations.replays set state = 'cancelled', note = ${`planned anew as ${index}`}, updated_at = ${received}
            where bureau = ${bureau} and filter = ${text}::text::jsonb and state in ('planning', 'planned')`
          await tx`
            insert into operations.replays (id, bureau, filter, state, rate, pause_after, up_to, after, subjects_done,
              events_applied, subjects_failed, failed_since_resume, failures, party, reason, created_at, updated_at)
            values (${index}, ${bureau}, ${text}::text::jsonb, 'planning', ${defaultRate}, ${defaultPauseAfter}, ${index}, -1, 0,
              0, 0, 0, '[]', ${party}, ${reason}, ${received}, ${received})`
        },
        answer: (index) => Promise.resolve({ replay: index, state: 'planning' }),
      }
    },
  }
}

/** An act that moves a replay from one of some states to another. */
function change(
  { sql }: Means,
  action: (typeof replayChanges)[number],
  from: readonly ReplayState[],
  changed: (replay: Replay, payload: Parameters<Act['prepare']>[0]) => Replay,
): Act {
  return {
    action,
    prepare(payload): PreparedAct {
      const id = indexIn(payload, 'replay')
      return {
        weighty: false,
        async before() {
          const replay = await readReplay(sql, id)
          if (replay === undefined) return { refusal: refusal(noReplay(id)) }
          const next = changed(replay, payload)
          // asked twice, done once
          if (replay.state === next.state) return { already: { replay: id, state: replay.state } }
          return from.includes(replay.state) ? undefined : { refusal: refusal(wrongState(id, replay.state, from)) }
        },
        async carryOut(tx, record) {
          const replay = await lockReplay(tx, id)
          if (replay === undefined) throw invalid(noReplay(id))
          if (from.includes(replay.state)) await saveChanged(tx, changed(replay, payload), record.index, record.received)
        },
        answer: async () => ({ replay: id, state: (await readReplay(sql, id))?.state ?? 'cancelled' }),
      }
    },
  }
}

/** What is parked up to the start is the replay's; what comes later is for the next one. */
async function saveChanged(tx: Transaction, replay: Replay, index: number, at: Date): Promise<void> {
  const starts = replay.state === 'running' && replay.startedAt === null
  await saveReplay(tx, starts ? { ...replay, startedAt: at, upTo: index, after: -1 } : replay, at)
}

const noReplay = (id: number): Text => ({
  en: `there is no replay ${id}; GET /v1/operations/replays lists them`,
  zh: `没有回放 ${id}；可用 GET /v1/operations/replays 查看`,
})
const wrongState = (id: number, state: string, from: readonly string[]): Text => ({
  en: `replay ${id} is ${state}; this is for one that is ${from.join(' or ')}`,
  zh: `回放 ${id} 的状态为 ${state}；此操作仅适用于 ${from.join('、')}`,
})
