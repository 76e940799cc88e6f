import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { partitionOf } from '../../src/bus/partition.ts'
import type { Rules } from '../../src/catalogue/rules.ts'
import type { Database } from '../../src/database/connect.ts'
import { inTransaction } from '../../src/database/transaction.ts'
import type { ActRecord } from '../../src/operations/act.ts'
import { dismissAct } from '../../src/operations/dismiss.ts'
import { replayActs } from '../../src/operations/replay-acts.ts'
import { planStep } from '../../src/replay/plan.ts'
import { type ReplayMeans, runStep } from '../../src/replay/run.ts'
import { judgingOf } from '../../src/view/judging.ts'
import type { View } from '../../src/view/view.ts'
import { companies } from '../support/companies.ts'
import { eventually } from '../support/eventually.ts'
import { type Exchange, type Logged, now, startExchange } from '../view/test-view.ts'
import { rulesOf } from '../view/view-rules.ts'

// A view with its parked events against the simplest model of it: for each subject a list of what was applied and a queue of
// what waits. An event names the office it needs; that of `mended` is in the table only while the table is cured.

const bureau = 'local-tax'
const [always, mended] = ['210202', '210203']
const companiesOfRun = 4
/** Every run has companies of its own: the log keeps those of the runs before. */
let run = 0
let stories = companies(companiesOfRun)
let subjects: readonly string[] = []
/** by this run */
const posted: Logged[] = []

let exchange: Exchange
let database: Database
let view: View
let rules: Rules
const table = (cured: boolean): Rules => {
  const offices = new Map([[always, 'Zhongshan'], ...(cured ? ([[mended, 'Xigang']] as const) : [])])
  return rulesOf({}, new Map([[bureau, { assignment: { field: 'addressDivision', offices }, checkRecord: () => [] }]]))
}

beforeAll(async () => {
  exchange = await startExchange()
  rules = table(false)
  const opened = await exchange.open(bureau, () => rules)
  view = opened.view
  database = opened.database
})
afterAll(() => exchange.close())

interface Model {
  cured: boolean
  /** by subject: what is in its record, and the divisions that wait */
  readonly applied: Map<string, { index: number; division: string }[]>
  readonly waiting: Map<string, { index: number; division: string }[]>
  readonly dismissed: Set<number>
  readonly posted: Map<string, number>
}

interface Real {
  /** everything so far, in order */
  readonly logged: Logged[]
  delivered: number
  operation: number
}

const fits = (model: Model, division: string) => division === always || model.cured

/** Applies what waits of one subject until something does not fit. */
function release(model: Model, subject: string): void {
  const queue = model.waiting.get(subject) ?? []
  while (queue[0] !== undefined && fits(model, queue[0].division)) {
    const event = queue.shift()
    if (event !== undefined) model.applied.set(subject, [...(model.applied.get(subject) ?? []), event])
  }
}

function arrive(model: Model, subject: string, event: { index: number; division: string }): void {
  model.waiting.set(subject, [...(model.waiting.get(subject) ?? []), event])
  if (model.waiting.get(subject)?.length === 1) release(model, subject)
}

const means = (): ReplayMeans => ({
  sql: database.raw,
  judging: () => judgingOf(bureau, rules, []),
  partitionOf: ({ subject }) => ({ topic: 'registration', partition: partitionOf(subject, 12) }),
  clock: () => now,
})

async function carryOut(
  real: Real,
  action: string,
  details: Parameters<ReturnType<typeof dismissAct>['prepare']>[0],
): Promise<number> {
  const index = real.operation++
  const acts = [
    ...replayActs({ sql: exchange.database.raw, rules: () => rules }),
    dismissAct({ ...means(), sql: exchange.database.raw, rules: () => rules, judging: () => means().judging() }),
  ]
  const act = acts.find((one) => one.action === action)
  if (act === undefined) throw new Error(`no act ${action}`)
  const record: ActRecord = { index, received: now, party: 'operator', kid: 'k', reason: 'a test' }
  await inTransaction(exchange.database.raw, (tx) => act.prepare(details).carryOut(tx, record))
  return index
}

class Post implements fc.AsyncCommand<Model, Real> {
  readonly #events: readonly (readonly [number, boolean])[]
  constructor(events: readonly (readonly [number, boolean])[]) {
    this.#events = events
  }
  check = () => true
  async run(model: Model, real: Real): Promise<void> {
    for (const [n, ok] of this.#events) {
      const subject = subjects[n] ?? ''
      const division = ok ? always : mended
      const seen = model.posted.get(subject) ?? 0
      model.posted.set(subject, seen + 1)
      const example = stories[2 * n + (seen === 0 ? 0 : 1)]
      if (example === undefined) throw new Error('no such company')
      const data = { ...example.data, addressDivision: division }
      const logged = await exchange.append([{ ...example, data }])
      real.logged.push(...logged)
      posted.push(...logged)
      divisions.set(real.logged.at(-1)?.index ?? -1, division)
    }
  }
  toString = () => `post ${JSON.stringify(this.#events)}`
}

const divisions = new Map<number, string>()

/** The bus brings what is new, some of it again, to one consumer or to two at once. */
class Deliver implements fc.AsyncCommand<Model, Real> {
  readonly #again: number
  readonly #consumers: number
  constructor(again: number, consumers: number) {
    this.#again = again
    this.#consumers = consumers
  }
  check = () => true
  async run(model: Model, real: Real): Promise<void> {
    const batch = real.logged.slice(Math.max(0, real.delivered - this.#again))
    await Promise.all(Array.from({ length: this.#consumers }, () => view.apply(batch)))
    for (const { index, subject } of real.logged.slice(real.delivered))
      arrive(model, subject, { index, division: divisions.get(index) ?? '' })
    real.delivered = real.logged.length
    await compare(model)
  }
  toString = () => `deliver again ${this.#again} to ${this.#consumers}`
}

class Cure implements fc.AsyncCommand<Model, Real> {
  readonly #cured: boolean
  constructor(cured: boolean) {
    this.#cured = cured
  }
  check = () => true
  async run(model: Model): Promise<void> {
    model.cured = this.#cured
    rules = table(this.#cured)
  }
  toString = () => `cure ${this.#cured}`
}

/** A replay of everything: some steps of one subject each, perhaps a crash in the middle, then to its end or cancelled. */
class Replay implements fc.AsyncCommand<Model, Real> {
  readonly #steps: number
  readonly #crashes: boolean
  readonly #cancels: boolean
  constructor(steps: number, crashes: boolean, cancels: boolean) {
    this.#steps = steps
    this.#crashes = crashes
    this.#cancels = cancels
  }
  check = () => true
  async run(model: Model, real: Real): Promise<void> {
    const id = await carryOut(real, 'plan-replay', { bureau, filter: {} })
    while ((await planStep(means(), id)) === 'more');
    await compare(model)
    await carryOut(real, 'start-replay', { replay: id, rate: 1, pauseAfter: 1000 })
    const heads = [...model.waiting]
      .flatMap(([subject, [head]]) => (head === undefined ? [] : [{ subject, index: head.index }]))
      .sort((a, b) => a.index - b.index)
    const planned = await exchange.database.raw<{ plan: { subjects: number; failed: number } }[]>`
      select plan from operations.replays where id = ${id}`
    expect(planned[0]?.plan.subjects).toBe(heads.length)
    for (let done = 0; done < (this.#cancels ? Math.min(this.#steps, heads.length) : heads.length); ) {
      if (this.#crashes) await crash(id)
      await eventually(() => runStep(means(), id))
      // what a subject has come to is durable together with its count
      const [row] = await exchange.database.raw<{ done: number }[]>`
        select subjects_done as done from operations.replays where id = ${id}`
      for (const { subject } of heads.slice(done, row?.done)) release(model, subject)
      done = row?.done ?? done
      await compare(model)
    }
    if (this.#cancels) await carryOut(real, 'cancel-replay', { replay: id })
    const { state } = await runStep(means(), id)
    expect(state === 'running' ? (await runStep(means(), id)).state : state).toBe(this.#cancels ? 'cancelled' : 'done')
    await compare(model)
  }
  toString = () => `replay ${this.#steps} steps${this.#crashes ? ' with crashes' : ''}${this.#cancels ? ', cancelled' : ''}`
}

/** A step whose connections the server ends while it is under way: whatever of it was durable is what a dead process leaves. */
async function crash(id: number): Promise<void> {
  const step = runStep(means(), id).catch(() => undefined)
  await exchange.database.raw`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and query not ilike '%pg_terminate_backend%'`
  await step
  // the pools find out about their lost connections one by one
  for (const { raw } of [database, exchange.database])
    await eventually(() => Promise.all(Array.from({ length: 6 }, () => raw`select pg_sleep(0.01)`)))
}

class Dismiss implements fc.AsyncCommand<Model, Real> {
  readonly #which: number
  constructor(which: number) {
    this.#which = which
  }
  check = (model: Readonly<Model>) => [...model.waiting.values()].some((queue) => queue.length > 0)
  async run(model: Model, real: Real): Promise<void> {
    const all = [...model.waiting].flatMap(([subject, queue]) => queue.map(({ index }) => ({ subject, index })))
    const chosen = all[this.#which % all.length]
    if (chosen === undefined) throw new Error('nothing is parked')
    await carryOut(real, 'dismiss', { bureau, indexes: [chosen.index] })
    model.dismissed.add(chosen.index)
    const queue = model.waiting.get(chosen.subject) ?? []
    model.waiting.set(
      chosen.subject,
      queue.filter(({ index }) => index !== chosen.index),
    )
    // whatever waits now was not tried since its head was, so it is
    release(model, chosen.subject)
    await compare(model)
  }
  toString = () => `dismiss ${this.#which}`
}

async function compare(model: Model): Promise<void> {
  const { raw } = database
  const [records, parked, dismissed] = await Promise.all([
    raw<{ subject: string; division: string | null }[]>`select subject, data->>'addressDivision' as division from records`,
    raw<{ index: number; subject: string; cause: string }[]>`select index, subject, cause from parked order by index`,
    raw<{ index: number }[]>`select index from dismissed order by index`,
  ])
  const bySubject = (subject: string) => parked.filter((row) => row.subject === subject)
  for (const subject of subjects) {
    const queue = model.waiting.get(subject) ?? []
    expect(bySubject(subject).map(({ index }) => index)).toEqual(queue.map(({ index }) => index))
    expect(bySubject(subject).map(({ cause }) => cause)).toEqual(queue.map((_, i) => (i === 0 ? 'no-office' : 'behind')))
    const last = model.applied.get(subject)?.at(-1)
    expect(records.find((record) => record.subject === subject)?.division ?? undefined).toBe(last?.division)
  }
  expect(dismissed.map(({ index }) => index)).toEqual([...model.dismissed].sort((a, b) => a - b))
}

const commands = [
  fc
    .array(fc.tuple(fc.integer({ min: 0, max: companiesOfRun - 1 }), fc.boolean()), { minLength: 1, maxLength: 6 })
    .map((events) => new Post(events)),
  fc
    .tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 2 }))
    .map(([again, consumers]) => new Deliver(again, consumers)),
  fc.boolean().map((cured) => new Cure(cured)),
  fc.tuple(fc.nat({ max: 3 }), fc.boolean(), fc.boolean()).map((how) => new Replay(...how)),
  fc.nat({ max: 20 }).map((which) => new Dismiss(which)),
]

test('arrivals, cures, replays, crashes, repeated deliveries and dismissals leave what a queue for each subject would', async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands: 25 }), async (cmds) => {
      // positions stay, and whatever the run before left undelivered is behind them
      await view.apply(posted.splice(0))
      await database.raw`truncate records, parked, dismissed`
      await exchange.database.raw`truncate operations.replays`
      rules = table(false)
      run += 1
      stories = companies(companiesOfRun, run * companiesOfRun)
      subjects = [...new Set(stories.map(({ subject }) => subject))]
      const setup = () => ({
        model: { cured: false, applied: new Map(), waiting: new Map(), dismissed: new Set<number>(), posted: new Map() },
        real: { logged: [], delivered: 0, operation: 1_000_000 },
      })
      await fc.asyncModelRun(setup, cmds)
    }),
    { numRuns: 60 },
  )
})
