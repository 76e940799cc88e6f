import type { Logger } from '../logger.ts'
import type { View } from './view.ts'

export interface LastingMeans {
  readonly bureau: string
  readonly logger: Logger
  /** makes what is missing of the view's schema */
  readonly makeTables: () => Promise<void>
}

/**
 * A view whose schema may be dropped under it: its tables are made again, empty. The bus, which tries again whatever failed, then
 * brings everything from the log, since there are no positions.
 */
export function lasting(view: View, { bureau, logger, makeTables }: LastingMeans): View {
  return {
    ...view,
    positions: () => unlessGone(() => view.positions()),
    apply: (deliveries, heartbeats) => unlessGone(() => view.apply(deliveries, heartbeats)),
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

/** PostgreSQL's undefined_table; a schema that is gone is the same to a search_path. */
function isUndefinedTable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '42P01'
}
