import type { Subscriber } from '../bus/bus.ts'
import type { Database } from '../database/connect.ts'
import { createParkedQueries, type ParkedQueries } from './parked-queries.ts'
import { type PartitionState, readPartitions } from './partition-states.ts'
import { createProjection, type ProjectionOptions } from './project.ts'
import { createQueries, type ViewQueries } from './queries.ts'
import { createHistoryQueries, type HistoryQueries } from './subject-history.ts'

/** What readers ask of one bureau's view. */
export type AskedView = ViewQueries &
  ParkedQueries &
  HistoryQueries & {
    /** how far it is in each partition, and what the last heartbeat there said */
    partitions(): Promise<readonly PartitionState[]>
  }

/** One bureau's view: the bus writes it, readers ask it. */
export type View = Subscriber & AskedView

/**
 * @param database connected with `schema: viewSchema(bureau)`, so that search_path names the view's tables; migrateView()
 *   has been run. It stays the caller's to close
 */
export function createView(database: Pick<Database, 'raw' | 'orm'>, options: ProjectionOptions): View {
  const { raw, orm } = database
  return {
    ...createProjection(raw, options),
    ...createQueries(orm, options),
    ...createParkedQueries(raw),
    ...createHistoryQueries(raw, options),
    partitions: () => readPartitions(raw),
  }
}
