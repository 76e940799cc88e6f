import { partitionOf } from '../bus/partition.ts'
import type { Rules } from '../catalogue/rules.ts'
import { readConfigWithoutKafka } from '../config.ts'
import { connect, type RawSql } from '../database/connect.ts'
import { RulesKeeper } from '../log/rules-in-force.ts'
import { createLogger } from '../logger.ts'
import { reconcileWithLog } from '../replay/reconcile.ts'
import { ListTooWide, reconcileWithList, storeList } from '../replay/reconcile-list.ts'
import { judgingOf } from '../view/judging.ts'
import { lagOf } from '../view/lag.ts'
import { placeOf } from '../view/place.ts'
import { readPositions } from '../view/positions.ts'
import { operatorsMask } from '../view/record-json.ts'
import { viewSchema } from '../view/view-schema.ts'
import { CommandFailed } from './command.ts'
import { Differences } from './differences.ts'
import { withOwnDatabase } from './own-database.ts'
import { isText, readList } from './own-list.ts'
import { hasLog, hasView } from './own-views.ts'
import { rateBar } from './rate-bar.ts'

export interface ReconcileOptions {
  readonly bureau: string
  readonly against?: string
  readonly kind?: string
  readonly limit: number
  readonly out?: string
  readonly json?: true
}

/** Compares a bureau's view with the log's fold, or with the bureau's own list. Exit code 1 when something differs. */
export async function reconcileView(options: ReconcileOptions): Promise<void> {
  const differences = await Differences.open(options)
  try {
    await withOwnDatabase(readConfigWithoutKafka(), createLogger('error'), async ({ raw }, url) => {
      const { bureau, against } = options
      if (!(await hasLog(raw))) throw new CommandFailed('this database has no log: start the exchange first')
      const keeper = await RulesKeeper.load(raw)
      if (!keeper.inForce.rules.bureaus.some(({ id }) => id === bureau))
        throw new CommandFailed(`the catalogue in force has no bureau ${bureau}`)
      if (!(await hasView(raw, bureau))) throw new CommandFailed(`${bureau} has no view yet: start the exchange first`)
      // one connection: a session's table is there for nobody else
      const database = connect(url, { name: 'lianban reconcile', schema: viewSchema(bureau), maxConnections: 1 })
      try {
        if (against === undefined) await withLog(database.raw, keeper, options, differences)
        else await withList(database.raw, keeper.inForce.rules, { ...options, against }, differences)
        const { rules } = await keeper.refresh(raw)
        differences.behind = (await lagOf(raw, rules, await readPositions(database.raw), partitionOf)).events
      } finally {
        await database.close()
      }
    })
    await differences.finish()
  } catch (error) {
    await differences.discard()
    throw error instanceof ListTooWide ? new CommandFailed(error.message) : error
  }
}

async function withLog(sql: RawSql, keeper: RulesKeeper, { bureau }: ReconcileOptions, differences: Differences): Promise<void> {
  const { rules, catalogues } = keeper.inForce
  const [{ subjects } = { subjects: 0 }] = await sql<{ subjects: number }[]>`select count(*)::int as subjects from log.subjects`
  const bar = rateBar('subjects')
  try {
    const means = {
      schema: viewSchema(bureau),
      judging: judgingOf(bureau, rules, catalogues),
      partitionOf: (subject: { kind: string; subject: string }) => placeOf(rules, subject),
      maskOf: (kind: string) => operatorsMask(rules, kind),
      clock: () => new Date(),
    }
    for await (const page of reconcileWithLog(sql, means)) {
      await differences.add(page)
      bar.update(differences.subjects, Math.max(subjects, differences.subjects), 0)
    }
  } finally {
    bar.stop()
  }
  const after = await keeper.refresh(sql)
  if (after.catalogues.length > catalogues.length)
    throw new CommandFailed('a catalogue was applied meanwhile, and views follow it: compare again')
}

async function withList(
  sql: RawSql,
  rules: Rules,
  { against, kind = [...rules.kinds.keys()][0] ?? '' }: ReconcileOptions & { readonly against: string },
  differences: Differences,
): Promise<void> {
  const found = rules.kinds.get(kind)
  if (found === undefined) throw new CommandFailed(`the catalogue in force has no kind ${kind}`)
  const list = readList(against, { kind, subjectNames: ['subject', found.subject.field] })
  const bar = rateBar('rows')
  try {
    let rows = 0
    for await (const page of storeList(sql, list)) {
      rows += page.rows
      await differences.add({ subjects: 0, differences: page.twice })
    }
    const means = {
      asText: isText(against),
      maskOf: (of: string) => operatorsMask(rules, of),
      fieldOf: (of: string, column: string) => fieldOf(rules, of, column),
    }
    for await (const page of reconcileWithList(sql, means)) {
      await differences.add(page)
      bar.update(differences.subjects, Math.max(rows, differences.subjects), 0)
    }
  } finally {
    bar.stop()
  }
}

function fieldOf(rules: Rules, kind: string, column: string): string | undefined {
  const found = rules.kinds.get(kind)
  if (column === 'name') return found?.nameField
  return column === 'jurisdiction' || column === 'office' ? found?.jurisdictionField : undefined
}
