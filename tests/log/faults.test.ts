import { afterEach, beforeEach, expect, it } from 'vitest'
import { registerKey } from '../../src/identity/key-request.ts'
import { generateKey, importSigningKey } from '../../src/identity/private-key.ts'
import type { Appended } from '../../src/log/appendable.ts'
import { keyToAppend } from '../../src/log/key-append.ts'
import { lock } from '../../src/log/look-up.ts'
import { verifyReceipt } from '../../src/log/receipt.ts'
import { LastingConnection } from '../../src/log/transaction.ts'
import { auditLog } from '../support/audited-log.ts'
import { eventually } from '../support/eventually.ts'
import { accepted, eventAbout, type LogFixture, openLogFixture, origin, refused } from '../support/log-fixture.ts'

let log: LogFixture
beforeEach(async () => {
  log = await openLogFixture()
})
afterEach(() => log.stop())

const imported = (n: number) => eventAbout(n, 'registration.imported.v1', 'commerce')

it.each([1, 8])(
  'an event that the database cannot hold is answered alone, %i of them in one batch; its neighbours keep their order',
  async (culprits) => {
    const events = Array.from({ length: 60 }, (_, n) => imported(n))
    const bad = new Set(events.filter((_, n) => n % Math.ceil(60 / culprits) === 5).map(({ subject }) => subject))
    const list = [...bad].map((subject) => `'${subject}'`).join(',')
    await log.one.database.raw.unsafe(`alter table log.entries add constraint no_such_subject check (subject not in (${list}))`)
    const items = await Promise.all(events.map(async (event) => log.one.check(await log.sign(event))))
    const answers = await Promise.all(items.map((item) => log.one.group.append(item)))
    const indexes: number[] = []
    for (const [n, answer] of answers.entries()) {
      if (bad.has(events[n]?.subject ?? ''))
        expect(refused(answer)).toMatchObject({ refusal: { code: 'invalid-event' }, index: undefined })
      else indexes.push(accepted(answer).index)
    }
    expect(indexes).toHaveLength(60 - bad.size)
    expect(indexes).toEqual(indexes.toSorted((a, b) => a - b))
    await auditLog(log.one.database.raw, log.logKey.vkey)
  },
)

it('a state that the database cannot hold keeps its event out of the log too', async () => {
  const event = imported(1)
  await log.one.database.raw.unsafe(`alter table log.subjects add constraint not_this check (subject <> '${event.subject}')`)
  const compacts = await Promise.all([imported(0), event, imported(2)].map((each) => log.sign(each)))
  const answers = await Promise.all(compacts.map((compact) => log.one.take(compact)))
  expect(answers.map(({ outcome }) => outcome)).toEqual(['appended', 'refused', 'appended'])
  await auditLog(log.one.database.raw, log.logKey.vkey)
})

it('rows beyond the head are the log’s fault, not the event’s: nothing is refused, nothing appended', async () => {
  const size = await log.one.reader.size()
  await log.one.database.raw`
    insert into log.entries (index, kind, received, entry, leaf) values (${size}, 'event', now(), '{}', '')`
  const compacts = await Promise.all([imported(0), imported(1)].map((event) => log.sign(event)))
  const answers = await Promise.allSettled(compacts.map((compact) => log.one.take(compact)))
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await log.one.reader.size()).toBe(size)
})

it('a gateway that stands still while it holds the head loses it within seconds, and others go on', async () => {
  const standing = new LastingConnection(log.one.database.raw)
  let other: Appended | undefined
  const held = standing.run(async (connection) => {
    await lock(connection)
    other = await log.two.take(await log.sign(imported(0)))
    // awake again: nothing of it can come into the log any more
    await connection`update log.head set size = 0`
  })
  await expect(held).rejects.toThrow(/idle-in-transaction timeout|closed/)
  expect(other?.outcome).toBe('appended')
  await standing.close()
  await auditLog(log.one.database.raw, log.logKey.vkey)
})

it('the database itself refuses to change, remove or empty the log', async () => {
  const statements = [
    'update log.entries set party = party where index = 0',
    'delete from log.entries where index = 1',
    'truncate log.entries',
    'set local session_replication_role = replica; delete from log.entries where index = 1',
  ]
  for (const statement of statements)
    await expect(
      log.one.database.raw.begin((tx) => tx.unsafe(statement)),
      statement,
    ).rejects.toThrow('only ever grows')
  await auditLog(log.one.database.raw, log.logKey.vkey)
})

it('a failed write leaves nothing behind, and the next batch goes on', async () => {
  const { raw } = log.one.database
  await raw.unsafe(`alter table log.head add constraint stop check (size < 8)`)
  const first = await log.sign(imported(0))
  await log.sign(imported(1)).then((compact) => log.one.take(compact))
  // two at once would pass the bound; alone, one is refused by the head and not by its own fault
  const answers = await Promise.allSettled([log.one.take(first), log.sign(imported(2)).then((compact) => log.one.take(compact))])
  expect(
    answers.some(({ status, ...rest }) => status === 'fulfilled' && 'value' in rest && rest.value.outcome === 'appended'),
  ).toBe(false)
  await raw.unsafe('alter table log.head drop constraint stop')
  accepted(await log.two.take(await log.sign(imported(3))))
  accepted(await log.one.take(first))
  await auditLog(raw, log.logKey.vkey)
})

/** Ends the connection that holds the log's head, or waits for it. */
async function endCommits(): Promise<number> {
  const rows = await log.two.database.raw`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and application_name = 'lianban test log'
      and (state <> 'idle' or query ilike 'begin%' or query ilike '%log.head%')`
  return rows.length
}

it('a connection that is lost in a commit loses nothing that was answered, and sending again stores nothing twice', async () => {
  const compacts: string[] = []
  const answered = new Map<string, Appended & { outcome: 'appended' | 'repeated' }>()
  let failures = 0
  let ended = 0
  let next = 0
  let stopped = false
  // a fast machine sends on until enough connections were lost; a slow one has lost them by then
  const enough = () => next >= 300 && ended > 3 && failures > 3
  const sendAll = async () => {
    while (!enough() && next < 10_000) {
      const compact = await log.sign(imported(next++))
      compacts.push(compact)
      await eventually(async () => {
        try {
          const answer = await log.one.take(compact)
          if (answer.outcome === 'refused') throw new Error(answer.refusal.detail.en)
          answered.set(compact, answer)
        } catch (error) {
          failures += 1
          throw error
        }
      })
    }
  }
  const ending = (async () => {
    // by progress and not by time, or a slow machine would never come to an end
    for (let size = 20; !stopped; size = answered.size + 30) {
      await eventually(async () => stopped || answered.size >= size)
      await eventually(async () => {
        const count = await endCommits()
        ended += count
        return stopped || count > 0
      })
    }
  })()
  const sent = await Promise.allSettled(Array.from({ length: 12 }, sendAll))
  stopped = true
  await ending
  expect(sent.filter(({ status }) => status === 'rejected')).toEqual([])
  expect(ended).toBeGreaterThan(3)
  expect(failures).toBeGreaterThan(3)
  const entries = await auditLog(log.two.database.raw, log.logKey.vkey)
  expect(entries.filter(({ kind }) => kind === 'event')).toHaveLength(compacts.length)
  for (const [compact, answer] of answered) {
    const { entry } = entries[answer.index] ?? { entry: '{}' }
    expect(JSON.parse(entry).jws).toBe(compact)
    if (answer.outcome === 'appended') verifyReceipt(answer.receipt, entry, log.logKey.vkey)
  }
})

it('a connection that is lost while a key is being verified under the lock changes nothing', async () => {
  const key = await importSigningKey(await generateKey('ES256'))
  const entry = await registerKey(key, log.key('commerce'), { party: 'commerce', log: origin })
  const item = keyToAppend(entry, origin, () => new Date())
  const size = await log.one.reader.size()
  let slow = true
  const interrupted = {
    ...item,
    refuse: async (rules: Parameters<typeof item.refuse>[0]) => {
      const refusal = await item.refuse(rules)
      if (slow) {
        slow = false
        await eventually(async () => (await endCommits()) > 0)
        // until the end has arrived here
        await eventually(async () => {
          const [row] = await log.two.database.raw<{ held: boolean }[]>`
            select exists (select from pg_stat_activity where datname = current_database() and state = 'idle in transaction') as held`
          return row?.held === false
        })
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      return refusal
    },
  }
  await expect(log.one.group.append(interrupted)).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
  expect(await log.one.reader.size()).toBe(size)
  accepted(await log.one.group.append(interrupted))
  await auditLog(log.one.database.raw, log.logKey.vkey)
})
