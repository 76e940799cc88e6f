import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { connect, type RawSql } from '../../src/database/connect.ts'
import { foldRecord, nothingReceived, type ViewRecord } from '../../src/domain/record.ts'
import { importSigningKey } from '../../src/identity/private-key.ts'
import { signEvent } from '../../src/identity/sign.ts'
import { loadLogKey } from '../../src/log/log-key.ts'
import { verifyReceipt } from '../../src/log/receipt.ts'
import { RulesKeeper } from '../../src/log/rules-in-force.ts'
import { eventOfEntry } from '../../src/view/entry-event.ts'
import { recordRules } from '../../src/view/record-rules.ts'
import { type AuditedEntry, auditLog } from '../support/audited-log.ts'
import { eventually } from '../support/eventually.ts'
import { type Killable, startKillable } from '../support/killable.ts'
import { eventAbout, origin } from '../support/log-fixture.ts'
import { testDatabase } from '../support/postgres.ts'

interface Acknowledged {
  readonly compact: string
  readonly index: number
  readonly receipt: string
}

/** Four events about each company, sent one after the other: any that is lost leaves the next one illegal. */
const life = [
  ['registration.established.v1', 'commerce'],
  ['tax.registered.v1', 'state-tax'],
  ['tax.registered.v1', 'local-tax'],
  ['registration.changed.v1', 'commerce'],
] as const

/** Sends until it is answered for good, to whichever gateway is there. */
async function deliver(compact: string, gateways: readonly Killable[], startAt: number): Promise<Acknowledged> {
  let tried = startAt
  let acknowledged: Acknowledged | undefined
  await eventually(async () => {
    const url = gateways[tried++ % gateways.length]?.url()
    if (url === undefined) return false
    const response = await fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/jose' },
      body: compact,
      signal: AbortSignal.timeout(10_000),
    })
    const text = await response.text()
    if (response.status === 503) return false
    if (response.status > 201) throw new Error(`${response.status} ${text}`)
    const body: { index: number; receipt: string } = JSON.parse(text)
    acknowledged = { compact, index: body.index, receipt: body.receipt }
    return true
  }, 45_000)
  if (acknowledged === undefined) throw new Error('it was never answered')
  return acknowledged
}

/** One company after the other, until told to stop; resolves to all that was acknowledged. */
async function sender(
  keys: ReadonlyMap<string, Awaited<ReturnType<typeof importSigningKey>>>,
  gateways: readonly Killable[],
  number: number,
  until: () => boolean,
): Promise<readonly Acknowledged[]> {
  const acknowledged: Acknowledged[] = []
  for (let n = number * 10_000; !until(); n++) {
    for (const [type, source] of life) {
      const key = keys.get(source)
      if (key === undefined) throw new Error(`no key of ${source}`)
      acknowledged.push(await deliver(await signEvent(key, eventAbout(n, type, source)), gateways, n))
    }
  }
  return acknowledged
}

async function developmentKeys(dataDir: string) {
  const parties = ['commerce', 'state-tax', 'local-tax']
  const read = async (party: string) =>
    [party, await importSigningKey(JSON.parse(await readFile(join(dataDir, 'keys', `${party}.jwk`), 'utf8')))] as const
  return new Map(await Promise.all(parties.map(read)))
}

function expectAcknowledged(entries: readonly AuditedEntry[], acknowledged: readonly Acknowledged[], vkey: string): void {
  const events = entries.filter(({ kind }) => kind === 'event').map(({ entry }) => String(JSON.parse(entry).jws))
  expect(new Set(events).size).toBe(events.length)
  for (const { compact, index, receipt } of acknowledged) {
    const { entry } = entries[index] ?? { entry: '{}' }
    expect(JSON.parse(entry).jws).toBe(compact)
    verifyReceipt(receipt, entry, vkey)
  }
}

/** Rows of a bureau's view against the fold of the log's own entries, from scratch. */
async function expectViewOf(sql: RawSql, bureau: string, entries: readonly AuditedEntry[]): Promise<void> {
  const { rules } = (await RulesKeeper.load(sql)).inForce
  const records = new Map<string, ViewRecord>()
  for (const { index, entry, kind, subjectKind, subject } of entries) {
    if (kind !== 'event' || subjectKind === null || subject === null) continue
    const law = recordRules(rules, bureau, subjectKind)
    if (law === undefined) throw new Error(`no rules of ${subjectKind}`)
    const folded = foldRecord(records.get(subject), eventOfEntry(entry, index, subjectKind), law)
    if ('parked' in folded) throw new Error(`entry ${index}: ${folded.parked.detail}`)
    records.set(subject, folded.record)
  }
  const rows = await sql<ViewRecord[]>`
    select kind, subject, status, layers, name, jurisdiction, office, data, provenance, state, first_index as "firstIndex", last_index as "lastIndex", events
    from ${sql(`view_${bureau.replaceAll('-', '_')}`)}.records`
  expect(new Map(rows.map((row) => [row.subject, { ...row }]))).toEqual(records)
  expect([...records.values()].every(({ firstIndex }) => firstIndex > nothingReceived)).toBe(true)
}

/** Counts every write of a record, in whichever process and life it happened. */
async function countApplications(sql: RawSql, bureau: string): Promise<void> {
  const schema = `view_${bureau.replaceAll('-', '_')}`
  await sql.unsafe(`
    create table ${schema}.test_applications (subject text, last_index bigint);
    create function ${schema}.test_count() returns trigger language plpgsql as $$
      begin insert into ${schema}.test_applications values (new.subject, new.last_index); return null; end $$;
    create trigger test_count after insert or update on ${schema}.records for each row execute function ${schema}.test_count()`)
}

it('gateways and consumers killed again and again under load: all that was acknowledged is there, once, in the log and every view', async () => {
  const database = await testDatabase()
  const dataDir = await mkdtemp(join(tmpdir(), 'lianban-crash-'))
  const env = { DATABASE_URL: database.url, DATA_DIR: dataDir, LOG_LEVEL: 'info' }
  const processes: Killable[] = []
  try {
    const first = await startKillable(['gateway'], env)
    processes.push(first)
    const gateways = [first, await startKillable(['gateway'], env)]
    const consumer = await startKillable(['consume', '--bureau', 'commerce', 'state-tax', 'local-tax'], env)
    processes.push(...gateways.slice(1), consumer)
    const { raw, close } = connect(database.url, { name: 'lianban test', maxConnections: 2 })
    const bureaus = ['commerce', 'state-tax', 'local-tax']
    for (const bureau of bureaus) await countApplications(raw, bureau)
    const keys = await developmentKeys(dataDir)
    let over = false
    const senders = Array.from({ length: 8 }, (_, number) => sender(keys, gateways, number + 1, () => over))
    const kills = [0, 2, 1, 2, 0]
    const sizeOf = async () => (await raw<{ size: number }[]>`select size from log.head`)[0]?.size ?? 0
    for (const which of kills) {
      const victim = processes[which]
      // at a moment that is another one each time, but surely under load
      const target = (await sizeOf()) + 10 + Math.floor(Math.random() * 40)
      await eventually(async () => (await sizeOf()) >= target, 30_000)
      await victim?.kill()
      await victim?.restart()
    }
    over = true
    const acknowledged = (await Promise.all(senders)).flat()
    expect(acknowledged.length).toBeGreaterThan(80)

    const { vkey } = await loadLogKey(join(dataDir, 'log.key'), origin)
    const entries = await auditLog(raw, vkey)
    expectAcknowledged(entries, acknowledged, vkey)
    for (const bureau of bureaus) {
      await eventually(() => expectViewOf(raw, bureau, entries), 30_000)
      // an event that was applied twice would write its subject twice at the same index
      const twice = await raw`
        select subject, last_index from ${raw(`view_${bureau.replaceAll('-', '_')}`)}.test_applications group by 1, 2 having count(*) > 1`
      expect(twice).toHaveLength(0)
    }
    await close()
    for (const one of processes.splice(0)) expect(await one.stop()).toBe(0)
  } finally {
    for (const one of processes) await one.kill()
    await database.close()
    await rm(dataDir, { recursive: true, force: true })
  }
}, 180_000)

it('a database that is killed under a running exchange ends it with a reason, and the next start has all that was acknowledged', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'lianban-crash-'))
  // as root, Postgres's own user must reach it
  await chmod(dataDir, 0o755)
  const env = { DATA_DIR: dataDir }
  const exchange = await startKillable(['serve'], env)
  try {
    const keys = await developmentKeys(dataDir)
    const acknowledged: Acknowledged[] = []
    let over = false
    const senders = Array.from({ length: 6 }, async (_, number) => {
      const key = keys.get('commerce')
      if (key === undefined) throw new Error('no key of commerce')
      for (let n = number * 1000; !over; n++) {
        const compact = await signEvent(key, eventAbout(n, 'registration.imported.v1', 'commerce'))
        acknowledged.push(await deliver(compact, [exchange], 0))
      }
    })
    await eventually(async () => acknowledged.length > 40, 30_000)
    over = true
    process.kill(await postmasterOf(dataDir), 'SIGKILL')
    await eventually(async () => exchange.exitCode() !== null, 30_000)
    expect(exchange.exitCode()).toBe(1)
    expect(exchange.output()).toMatch(/database|Postgres/)
    expect(exchange.output()).not.toMatch(/TypeError/)
    await exchange.restart()
    // those that were under way are answered by the new life
    await Promise.all(senders)
    const url = exchange.url()
    const { vkey } = await loadLogKey(join(dataDir, 'log.key'), origin)
    for (const { compact, index, receipt } of acknowledged) {
      verifyReceipt(receipt, (await entryOf(url, compact, index)).entry, vkey)
    }
    expect(await exchange.stop()).toBe(0)
  } finally {
    await exchange.kill()
    await rm(dataDir, { recursive: true, force: true, maxRetries: 20 })
  }
}, 120_000)

/** Sending it again tells where it stands and when it was received, which is all that an entry adds to it. */
async function entryOf(url: string | undefined, compact: string, index: number): Promise<{ entry: string }> {
  const response = await fetch(`${url}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/jose' },
    body: compact,
  })
  const body: { index: number; received: string } = JSON.parse(await response.text())
  expect([response.status, body.index]).toEqual([200, index])
  return { entry: `{"kind":"event","received":"${body.received}","jws":"${compact}"}` }
}

async function postmasterOf(dataDir: string): Promise<number> {
  const files = await readdir(dataDir, { recursive: true })
  const file = files.find((name) => name.endsWith('postmaster.pid'))
  if (file === undefined) throw new Error('no postmaster.pid')
  return Number((await readFile(join(dataDir, file), 'utf8')).split('\n')[0])
}
