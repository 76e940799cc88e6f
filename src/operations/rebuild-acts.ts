import type { Rules } from '../catalogue/rules.ts'
import type { RawSql } from '../database/connect.ts'
import type { JsonObject, Text } from '../domain/text.ts'
import type { Rebuild, RebuildState } from '../replay/rebuild.ts'
import { lockRebuild, openRebuild, readRebuild, saveRebuild } from '../replay/rebuild-store.ts'
import type { Act } from './act.ts'
import { bureauIn, indexIn, invalid, noBureau, refusal } from './request.ts'

/** What is done with a rebuild. */
export const rebuildChanges = ['swap-view', 'cancel-rebuild'] as const

interface Means {
  readonly sql: RawSql
  readonly rules: () => Rules
}

/** `rebuild-view` and what is done with a rebuild. */
export function rebuildActs(means: Means): readonly Act[] {
  return [
    rebuildView(means),
    change(means, {
      action: 'swap-view',
      weighty: true,
      from: ['ready'],
      already: ['swapping', 'swapped'],
      changed: (rebuild) => ({ ...rebuild, state: 'swapping', note: null }),
      hinders: async (sql, { bureau }) => {
        const [replay] = await sql<{ id: number }[]>`
          select id from operations.replays where bureau = ${bureau} and state = 'running' order by id limit 1`
        return replay && replayRuns(bureau, replay.id)
      },
    }),
    change(means, {
      action: 'cancel-rebuild',
      weighty: false,
      from: ['building', 'ready', 'swapping'],
      already: ['cancelled'],
      changed: (rebuild) => ({ ...rebuild, state: 'cancelled', note: 'an operator cancelled it' }),
      hinders: () => Promise.resolve(undefined),
    }),
  ]
}

function rebuildView({ sql, rules }: Means): Act {
  return {
    action: 'rebuild-view',
    prepare(payload) {
      const bureau = bureauIn(payload)
      const dryRun = dryRunIn(payload)
      return {
        weighty: false,
        async before() {
          if (!rules().bureaus.some(({ id }) => id === bureau)) return { refusal: refusal(noBureau(bureau)) }
          const open = await openRebuild(sql, bureau)
          return open && { already: { rebuild: open.id, state: open.state, dryRun: open.dryRun } }
        },
        async carryOut(tx, { index, received, party, reason }) {
          if ((await openRebuild(tx, bureau)) !== undefined) return
          await tx`
            insert into operations.rebuilds (id, bureau, dry_run, state, party, reason, created_at, updated_at)
            values (${index}, ${bureau}, ${dryRun}, 'building', ${party}, ${reason}, ${received}, ${received})`
        },
        answer: async (index) => {
          const open = (await readRebuild(sql, index)) ?? (await openRebuild(sql, bureau))
          return { rebuild: open?.id ?? index, state: open?.state ?? 'building' }
        },
      }
    },
  }
}

interface Change {
  readonly action: (typeof rebuildChanges)[number]
  readonly weighty: boolean
  readonly from: readonly RebuildState[]
  readonly already: readonly RebuildState[]
  readonly changed: (rebuild: Rebuild) => Rebuild
  /** why it can't be done now */
  readonly hinders: (sql: RawSql, rebuild: Rebuild) => Promise<Text | undefined>
}

/** An act that moves a rebuild from one of some states to another; the rest is its worker's. */
function change({ sql }: Means, { action, weighty, from, already, changed, hinders }: Change): Act {
  return {
    action,
    prepare(payload) {
      const id = indexIn(payload, 'rebuild')
      return {
        weighty,
        async before() {
          const rebuild = await readRebuild(sql, id)
          if (rebuild === undefined) return { refusal: refusal(noRebuild(id)) }
          // asked twice, done once
          if (already.includes(rebuild.state)) return { already: { rebuild: id, state: rebuild.state } }
          if (!from.includes(rebuild.state)) return { refusal: refusal(wrongState(rebuild, from)) }
          const hindered = await hinders(sql, rebuild)
          return hindered && { refusal: refusal(hindered) }
        },
        async carryOut(tx, { received }) {
          const rebuild = await lockRebuild(tx, id)
          if (rebuild === undefined) throw invalid(noRebuild(id))
          if (from.includes(rebuild.state)) await saveRebuild(tx, changed(rebuild), received)
        },
        answer: async () => ({ rebuild: id, state: (await readRebuild(sql, id))?.state ?? 'cancelled' }),
      }
    },
  }
}

function dryRunIn({ dryRun }: JsonObject): boolean {
  if (dryRun !== undefined && typeof dryRun !== 'boolean')
    throw invalid({ en: 'dryRun must be true or false', zh: 'dryRun 须为 true 或 false' })
  return dryRun === true
}

const noRebuild = (id: number): Text => ({
  en: `there is no rebuild ${id}; GET /v1/operations/rebuilds lists them`,
  zh: `没有重建 ${id}；可用 GET /v1/operations/rebuilds 查看`,
})
const wrongState = ({ id, state, dryRun }: Rebuild, from: readonly string[]): Text => ({
  en: `rebuild ${id} is ${state}${dryRun ? ', and only compares' : ''}; this is for one that is ${from.join(' or ')}`,
  zh: `重建 ${id} 的状态为 ${state}；此操作仅适用于 ${from.join('、')}`,
})
const replayRuns = (bureau: string, replay: number): Text => ({
  en: `replay ${replay} runs on the view of ${bureau}: pause it, or let it end`,
  zh: `${bureau} 的视图上正在运行回放 ${replay}：请暂停或等其结束`,
})
