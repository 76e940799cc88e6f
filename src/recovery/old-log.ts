import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SeenCheckpoint } from '../audit/contradiction.ts'
import { copyLog } from '../audit/export/copy-log.ts'
import type { RawSql } from '../database/connect.ts'
import { splitCompact } from '../identity/compact.ts'
import { voucherMaxLifetimeSeconds } from '../identity/key-proof.ts'
import { makeVoucher } from '../identity/key-request.ts'
import type { KeysInForce } from '../identity/keys-in-force.ts'
import type { SigningKey } from '../identity/private-key.ts'
import { parseStrictJson } from '../identity/strict-json.ts'
import type { LogKey } from '../log/log-key.ts'
import { createLogReader } from '../log/read.ts'
import { databaseSource } from './database-source.ts'
import type { FoundEntries, Stretch } from './found-entries.ts'

/** What is left of a log that ends. */
export interface OldLog {
  readonly origin: string
  /** the largest checkpoint that it signed */
  readonly published: SeenCheckpoint
  /** what the database has of it, without gaps */
  readonly kept: { readonly size: number; readonly root: Buffer }
  /** indexes without a proven entry */
  readonly lost: readonly Stretch[]
}

const pageEvents = 5000

/**
 * Writes the old log into a folder: as an export of what has no gaps, the proven entries behind the first gap one by one, and for
 * each bureau the list of its events.
 */
export async function writeOldLog(sql: RawSql, key: LogKey, old: OldLog, found: FoundEntries, folder: string): Promise<void> {
  const recovered = join(folder, 'recovered')
  const resend = join(folder, 'resend')
  // lists of a run that was interrupted would double
  await rm(resend, { recursive: true, force: true })
  await mkdir(recovered, { recursive: true })
  await mkdir(resend, { recursive: true })
  const reader = createLogReader(sql, key.verifier)
  const source = databaseSource(`the log of ${key.origin}`, reader)
  await copyLog({ source, folder: join(folder, 'old-log'), log: key.verifier, vkey: key.vkey, now: new Date() })
  for await (const [party, lines] of eventsOf(sql)) await appendFile(join(resend, `${party}.ndjson`), lines)
  const indexes: number[] = []
  for (const index of found.proven()) {
    if (index < old.kept.size) continue
    const entry = await found.read(index)
    indexes.push(index)
    await writeFile(join(recovered, `${index}.entry`), entry)
    const event = eventIn(entry)
    if (event !== undefined) await appendFile(join(resend, `${event.party}.ndjson`), lineOf({ index, ...event }))
  }
  const { origin, published, kept, lost } = old
  const summary = {
    origin,
    published: { size: published.size, root: published.root.toString('base64'), checkpoint: published.note },
    kept: { size: kept.size, root: kept.root.toString('base64') },
    recovered: indexes,
    lost,
  }
  await writeFile(join(folder, 'lost.json'), `${JSON.stringify(summary, null, 2)}\n`)
}

/** Vouchers for every key in force, with which its holder registers it in the new log. @returns how many */
export async function writeVouchers(keys: KeysInForce, by: SigningKey, log: string, folder: string): Promise<number> {
  const vouchers = join(folder, 'vouchers')
  await mkdir(vouchers, { recursive: true })
  let count = 0
  for (const { key, revoked } of keys.history()) {
    if (revoked !== undefined || key.thumbprint === by.publicKey.thumbprint) continue
    const { party, kid } = key
    const voucher = await makeVoucher(by, { party, kid, publicKey: key, log, lifetimeSeconds: voucherMaxLifetimeSeconds })
    await writeFile(join(vouchers, `${party}-${key.thumbprint}.voucher`), `${voucher}\n`)
    count += 1
  }
  return count
}

interface EventLine {
  readonly index: number
  readonly party: string
  readonly id: string
  readonly type: string
  readonly subject: string
}

const lineOf = ({ index, id, type, subject }: EventLine) => `${JSON.stringify({ index, id, type, subject })}\n`

/** Each sender's events, some lines at a time. */
async function* eventsOf(sql: RawSql): AsyncGenerator<readonly [string, string]> {
  let after = -1
  while (true) {
    const rows = await sql<EventLine[]>`
      select index, party, event_id as id, type, subject from log.entries
      where kind = 'event' and index > ${after} order by index limit ${pageEvents}`
    const byParty = new Map<string, string>()
    for (const row of rows) byParty.set(row.party, (byParty.get(row.party) ?? '') + lineOf(row))
    yield* byParty
    const last = rows.at(-1)
    if (last === undefined || rows.length < pageEvents) return
    after = last.index
  }
}

function eventIn(entry: Buffer): Omit<EventLine, 'index'> | undefined {
  const { kind, jws } = parseStrictJson(entry)
  if (kind !== 'event' || typeof jws !== 'string') return undefined
  const { id, source, type, subject } = parseStrictJson(splitCompact(jws).payload)
  return { party: String(source).slice('/bureaus/'.length), id: String(id), type: String(type), subject: String(subject) }
}
