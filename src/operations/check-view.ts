import type { Rules } from '../catalogue/rules.ts'
import { askForRound } from '../completeness/store.ts'
import type { RawSql } from '../database/connect.ts'
import { viewSchema } from '../view/view-schema.ts'
import type { Act } from './act.ts'
import { bureauIn, noBureau, refusal } from './request.ts'

interface Means {
  readonly sql: RawSql
  readonly rules: () => Rules
}

/** `check-view`: has whoever consumes for a bureau look through its whole view for events that it lacks, and heal them. */
export function checkViewAct({ sql, rules }: Means): Act {
  return {
    action: 'check-view',
    prepare(payload) {
      const bureau = bureauIn(payload)
      return {
        weighty: false,
        async before() {
          if (!rules().bureaus.some(({ id }) => id === bureau)) return { refusal: refusal(noBureau(bureau)) }
          const [waiting] = await sql<{ asked: number }[]>`
            select asked from ${sql(viewSchema(bureau))}.completeness where asked is distinct from answered`
          return waiting === undefined ? undefined : { already: { bureau, check: waiting.asked } }
        },
        async carryOut(tx, { index, received }) {
          await tx`select set_config('search_path', ${viewSchema(bureau)}, true)`
          await askForRound(tx, index, received)
          await tx`select set_config('search_path', 'public', true)`
        },
        answer: (index) => Promise.resolve({ bureau, check: index }),
      }
    },
  }
}
