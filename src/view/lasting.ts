import type { Logger } from '../logger.ts'
import type { View } from './view.ts'

export interface LastingMeans {
  readonly bureau: string
  readonly logger: Logger
  /** are they all there? */
  readonly isWhole: () => Promise<boolean>
  /** where any is missing, makes them all anew */
  readonly makeTables: () => Promise<void>
}

/**
 * A view whose schema, or a table of it, may be dropped under it: its tables are made again, empty. The bus, which tries again whatever failed, then
 * brings everything from the log, since there are no positions.
 */
export function lasting(view: View, { bureau, logger, isWhole, makeTables }: LastingMeans): View {
  return {
    ...view,
    positions: () => unlessGone(() => view.positions()),
    apply: (deliveries, heartbeats) =>
      unlessGone(async () => {
        // not every table is in every statement, and nothing may happen for days
        if (heartbeats !== undefined && heartbeats.length > 0 && !(await isWhole())) throw new TableGone()
        return view.apply(deliveries, heartbeats)
      }),
  }

  async function unlessGone<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!isUndefinedTable(error)) throw error
      logger.error({ bureau }, 'ALARM: the tables of the view are gone; they are made anew, and filled from the log')
      await makeTables()
      throw error
    }
  }
}

class TableGone extends Error {
  override readonly name = 'TableGone'
  readonly code = undefinedTable
}

const undefinedTable = '42P01'

/** PostgreSQL's undefined_table; a schema that is gone is the same to a search_path. */
function isUndefinedTable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === undefinedTable
}
