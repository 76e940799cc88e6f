import { partitionOf } from '../bus/partition.ts'
import { connect, type RawSql } from '../database/connect.ts'
import type { RulesKeeper } from '../log/rules-in-force.ts'
import type { Logger } from '../logger.ts'
import type { Metrics } from '../metrics.ts'
import { restoreDismissed } from '../view/dismissals.ts'
import { lasting } from '../view/lasting.ts'
import { createView } from '../view/view.ts'
import { lostTables, migrateView, viewSchema } from '../view/view-schema.ts'
import type { OpenedView } from '../view/views.ts'

export interface ViewMeans {
  /** of the database */
  readonly url: string
  readonly sql: RawSql
  readonly keeper: RulesKeeper
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Opens a bureau's view: makes or migrates its tables, and where it begins from nothing, knows what operators have dismissed. */
export async function openView(bureau: string, { url, sql, keeper, logger, metrics }: ViewMeans): Promise<OpenedView> {
  const schema = viewSchema(bureau)
  const database = connect(url, { name: `lianban ${bureau}`, schema, maxConnections: 4, derived: true })
  const view = createView(database, {
    bureau,
    rules: () => keeper.inForce.rules,
    catalogues: () => keeper.inForce.catalogues,
    fresh: { index: () => keeper.inForce.index, refresh: () => keeper.refresh(sql) },
    partitionOf,
    clock: () => new Date(),
    onMissed(events) {
      metrics.readFromLog.inc({ bureau }, events)
      logger.warn({ bureau, events }, 'the bus did not bring events that the log has: they were read from the log')
    },
  })
  const restore = async () => {
    const dismissed = await restoreDismissed(database.raw, bureau)
    if (dismissed > 0) logger.info({ bureau, dismissed }, 'what operators have dismissed is dismissed in the new view, too')
  }
  /** @returns false where tables are gone that no migration makes again */
  const isMade = async () => {
    await migrateView(url, schema)
    const lost = await lostTables(database.raw, schema)
    if (lost.length > 0)
      logger.error(
        { bureau, lost },
        `ALARM: tables of the view are gone without the others, which can't tell what was in them: drop the schema ${schema}, and all of it is made anew`,
      )
    return lost.length === 0
  }
  const makeTables = async () => {
    if (await isMade()) await restore()
  }
  try {
    if ((await isMade()) && (await view.positions()).length === 0) await restore()
  } catch (error) {
    await database.close()
    throw error
  }
  return { view: lasting(view, { bureau, logger, makeTables }), sql: database.raw, close: database.close }
}
