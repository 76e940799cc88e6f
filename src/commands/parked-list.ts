import { partitionOf } from '../bus/partition.ts'
import { readConfig } from '../config.ts'
import { connect, type RawSql } from '../database/connect.ts'
import type { ParkedCause } from '../domain/record.ts'
import { isBegun } from '../log/begin.ts'
import { RulesKeeper } from '../log/rules-in-force.ts'
import { createLogger } from '../logger.ts'
import { createQueries, type ParkedCount, type ParkedEvent, type ParkedFilter } from '../view/queries.ts'
import { viewSchema } from '../view/view-schema.ts'
import { CommandFailed } from './command.ts'
import { withOwnDatabase } from './own-database.ts'
import { tableText } from './table.ts'

export interface ParkedOptions {
  readonly bureau?: string
  readonly cause?: ParkedCause
  readonly subject?: string
  readonly limit: number
  readonly json?: true
}

interface Parked {
  readonly bureau: string
  readonly counts: readonly ParkedCount[]
  readonly events: readonly ParkedEvent[]
}

/** Reads the views of this machine's database, and prints what is parked in them. */
export async function listParked({ bureau, cause, subject, limit, json }: ParkedOptions): Promise<void> {
  const found = await withOwnDatabase(readConfig(), createLogger('error'), async ({ raw }, url) => {
    if (!(await hasLog(raw))) throw new CommandFailed('this database has no log: start the exchange first')
    const keeper = await RulesKeeper.load(raw)
    const bureaus = keeper.inForce.rules.bureaus.map(({ id }) => id).filter((id) => bureau === undefined || id === bureau)
    if (bureaus.length === 0) throw new CommandFailed(`the catalogue in force has no bureau ${bureau}`)
    const views: Parked[] = []
    for (const id of bureaus) if (await hasView(raw, id)) views.push(await parkedOf(url, id, keeper, { cause, subject, limit }))
    return views
  })
  process.stdout.write(json ? `${JSON.stringify(found, null, 2)}\n` : parkedText(found))
}

async function parkedOf(url: string, bureau: string, keeper: RulesKeeper, filter: ParkedFilter): Promise<Parked> {
  const database = connect(url, { name: 'lianban parked', schema: viewSchema(bureau), maxConnections: 1 })
  try {
    const queries = createQueries(database.orm, { bureau, rules: () => keeper.inForce.rules, partitionOf })
    return { bureau, counts: await queries.parkedCounts(), events: await queries.listParked(filter) }
  } finally {
    await database.close()
  }
}

async function hasLog(sql: RawSql): Promise<boolean> {
  const [row] = await sql<{ there: boolean }[]>`select to_regclass('log.head') is not null as there`
  return row?.there === true && isBegun(sql)
}

async function hasView(sql: RawSql, bureau: string): Promise<boolean> {
  const [row] = await sql<{ there: boolean }[]>`select to_regclass(${`${viewSchema(bureau)}.parked`}) is not null as there`
  return row?.there === true
}

function parkedText(views: readonly Parked[]): string {
  const counts = views.flatMap(({ bureau, counts }) =>
    counts.map(({ cause, type, events, subjects }) => [bureau, cause, type, String(events), String(subjects)]),
  )
  if (counts.length === 0) return 'nothing is parked\n'
  const events = views.flatMap(({ bureau, events }) =>
    events.map(({ index, subject, type, cause, parkedAt, detail }) => [
      bureau,
      String(index),
      subject,
      type,
      cause,
      parkedAt,
      detail,
    ]),
  )
  const summary = tableText([['BUREAU', 'CAUSE', 'TYPE', 'EVENTS', 'SUBJECTS'], ...counts])
  return `${summary}\n${tableText([['BUREAU', 'INDEX', 'SUBJECT', 'TYPE', 'CAUSE', 'PARKED AT', 'DETAIL'], ...events])}`
}
