import type { Subscriber } from '../bus/bus.ts'
import type { Database } from '../database/connect.ts'
import { createProjection, type ProjectionOptions } from './project.ts'
import { createQueries, type ViewQueries } from './queries.ts'

/** One bureau's view: the bus writes it, readers ask it. */
export type View = Subscriber & ViewQueries

/**
 * @param database connected with `schema: viewSchema(bureau)`, so that search_path names the view's tables; migrateView()
 *   has been run. It stays the caller's to close
 */
export function createView(database: Pick<Database, 'raw' | 'orm'>, options: ProjectionOptions): View {
  return { ...createProjection(database.raw, options), ...createQueries(database.orm, options) }
}
