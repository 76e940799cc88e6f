import { afterAll, beforeAll, expect, it } from 'vitest'
import { companies } from '../support/companies.ts'
import { type Bureaus, bureausOf } from '../support/e2e-bureaus.ts'
import { type Deployment, deploy } from '../support/e2e-deployment.ts'
import { startSteadyLoad } from '../support/e2e-steady-load.ts'
import { type Views, viewsOf } from '../support/e2e-views.ts'
import { eventually } from '../support/eventually.ts'
import type { Example } from '../support/examples.ts'
import { describeWithKafka, sharedKafka } from '../support/kafka.ts'
import { lianban } from '../support/lianban.ts'
import { writeOffices } from '../support/operate.ts'
import { appendAll, laterChange } from '../support/parked-companies.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'
import { statisticsCatalogue } from '../support/statistics-catalogue.ts'

/** Each with so many events parked: 40,000 in all. */
const hit = 10_000
const eventsOfEach = 4
const parkedEvents = hit * eventsOfEach
/** Live traffic while the replay runs, events a second: half of them about companies that are parked. */
const perSecond = 200

describeWithKafka('an evening on which two districts were merged', () => {
  let database: TestDatabase
  let deployment: Deployment
  let bureaus: Bureaus
  let watched: Views
  let cataloguePath: string
  let url: string
  let operator: readonly string[]

  beforeAll(async () => {
    const brokers = (await sharedKafka()) ?? ''
    database = await testDatabase()
    cataloguePath = await statisticsCatalogue()
    await writeOffices(cataloguePath, ({ '210203': _, ...rest }) => rest)
    deployment = await deploy({
      DATABASE_URL: database.url,
      KAFKA_BROKERS: brokers,
      KAFKA_PREFIX: `evening-${process.pid}-${Date.now()}`,
      CATALOGUE: cataloguePath,
    })
    url = (await deployment.start(['gateway'])).url
    await Promise.all([deployment.start(['publish']), consume('local-tax')])
    bureaus = await bureausOf(deployment.keysFolder())
    operator = ['--url', url, '--key', `${deployment.keysFolder()}/operator.jwk`]
    watched = await viewsOf(database.url)
    await watched.watch()
  })
  afterAll(async () => {
    await watched?.close()
    await deployment?.close()
    await database?.close()
  })

  it('is over when 40,000 parked events are diagnosed, tried on a few and replayed, while traffic goes on', async () => {
    await appendAll(bureaus, { databaseUrl: database.url, logKeyFile: deployment.logKeyFile }, histories())
    // the others have as much to catch up with; beside the appending that would take longer
    await Promise.all(['commerce', 'state-tax', 'statistics'].map(consume))
    await eventually(async () => expect(await parked()).toBe(parkedEvents), 180_000)

    const example = await diagnose()
    await writeOffices(cataloguePath, (offices) => ({ ...offices, '210203': '西岗税务所' }))
    await print('catalogue', 'apply', cataloguePath, '--reason', 'the merged district has its office')
    const named = ['--bureau', 'local-tax', '--cause', 'no-office', '--reason', 'the table is mended']
    const { id, plan } = await run('replay', 'plan', ...named)
    expect(plan).toMatchObject({ subjects: hit, events: parkedEvents, applied: parkedEvents, failed: 0 })

    const canary = await run('replay', 'canary', String(id), '--subjects', '5', '--reason', 'a few first')
    expect(canary).toMatchObject({ state: 'paused', subjectsDone: 5, eventsApplied: 5 * eventsOfEach, subjectsFailed: 0 })
    expect(await parked()).toBe(parkedEvents - 5 * eventsOfEach)
    expect(await fatesOf(example)).toEqual(Array(eventsOfEach).fill('applied'))

    const load = startSteadyLoad(bureaus, url, perSecond, liveEvent)
    const done = await run('replay', 'start', String(id), '--rate', '2000', '--reason', 'all of them', '--wait')
    const passed = await newCompanies()
    const accepted = await load.stop()
    expect(done).toMatchObject({ state: 'done', subjectsDone: hit, subjectsFailed: 0 })
    expect(done.eventsApplied).toBeGreaterThanOrEqual(parkedEvents)
    // nothing of the load was refused, and none of it left out
    expect(accepted.events).toBeGreaterThanOrEqual(Math.floor(perSecond * accepted.seconds))
    // nobody else was held up
    expect(passed).toBeGreaterThan(0)

    const views = await viewsOf(database.url)
    await views.expectFold(120_000).finally(() => views.close())
    expect(await parked()).toBe(0)
    await watched.expectEachOnceInOrder()
  }, 600_000)

  const consume = (bureau: string) => deployment.start(['consume', '--bureau', bureau])

  /** From the group to one company's history, as an operator looks at it. @returns the company */
  async function diagnose(): Promise<string> {
    const { groups } = await run('parked', 'groups', '--bureau', 'local-tax')
    expect(groups).toMatchObject([
      { bureau: 'local-tax', cause: 'no-office', events: hit, subjects: hit, cure: expect.stringContaining('table') },
      { bureau: 'local-tax', cause: 'behind', events: parkedEvents - hit, subjects: hit },
    ])
    const { events } = await run('parked', 'list', '--bureau', 'local-tax', '--cause', 'no-office', '--limit', '1')
    expect(events).toMatchObject([{ cause: 'no-office', detail: expect.stringContaining('210203') }])
    const { subject } = events[0]
    expect(await fatesOf(subject)).toEqual(Array(eventsOfEach).fill('parked'))
    return subject
  }

  async function fatesOf(subject: string): Promise<readonly string[]> {
    const { events } = await run('parked', 'show', subject, '--bureau', 'local-tax')
    return events.map(({ fate }: { fate: { state: string } }) => fate.state)
  }

  const run = async (...args: readonly string[]) => JSON.parse(await print(...args, '--json'))

  async function print(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await lianban([...args, ...operator])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    return stdout
  }

  async function parked(): Promise<number> {
    const [row] = await watched.sql<{ events: number }[]>`select count(*)::int as events from view_local_tax.parked`
    return row?.events ?? 0
  }

  /** How many companies local-tax knows that were established after the cure. */
  async function newCompanies(): Promise<number> {
    const [row] = await watched.sql<{ records: number }[]>`
      select count(*)::int as records from view_local_tax.records
      where first_index > (select max(index) from log.entries where kind = 'catalogue')`
    return row?.records ?? 0
  }
})

function histories(): readonly Example[] {
  const changes = Array.from({ length: eventsOfEach - 2 }, (_, n) => n)
  const both = companies(hit)
  return both.flatMap((event, at) => (at % 2 === 0 ? [event] : [event, ...changes.map((n) => withCapital(event, 1_000 + n))]))
}

/** Half of what goes on is about companies that wait for the replay, half about new ones, established and changed in turn. */
function liveEvent(n: number): Example {
  const turn = Math.floor(n / 2)
  // spread over those that wait, so that it also meets companies which the replay has not come to
  if (n % 2 === 0) return withCapital(laterChange(hit, turn * 7_919), 2_000 + n)
  const event = companies(1, hit + Math.floor(turn / 2))[turn % 2]
  if (event === undefined) throw new Error('companies() makes two events of each')
  return event
}

function withCapital(example: Example, capital: number): Example {
  return { ...example, data: { ...example.data, registeredCapital: String(capital) } }
}
