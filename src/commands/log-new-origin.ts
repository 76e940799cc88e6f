import type { SeenCheckpoint } from '../audit/contradiction.ts'
import { connect, pingDatabase, type RawSql } from '../database/connect.ts'
import { migrateLog } from '../database/migrate.ts'
import { isBegun } from '../log/begin.ts'
import { type LogKey, loadOrMakeLogKey } from '../log/log-key.ts'
import { RulesKeeper } from '../log/rules-in-force.ts'
import type { FoundEntries } from '../recovery/found-entries.ts'
import { beginNewOrigin } from '../recovery/new-origin.ts'
import { writeOldLog, writeVouchers } from '../recovery/old-log.ts'
import { CommandFailed } from './command.ts'
import { readSigningKey } from './key-file.ts'

export interface NewOriginOptions {
  readonly newOrigin?: string
  readonly reason?: string
  readonly key?: string
  readonly newDatabase?: string
  readonly newKey?: string
  readonly out?: string
}

/** Everything that a new origin needs. */
export type NewOriginAsked = { readonly [Name in keyof NewOriginOptions]-?: string }

/** @returns undefined when none is asked for. @throws {CommandFailed} naming every option that is missing */
export function newOriginAsked(options: NewOriginOptions): NewOriginAsked | undefined {
  const { newOrigin, reason, key, newDatabase, newKey, out } = options
  if (newOrigin === undefined) return undefined
  if (!/^[^\s+]{1,200}$/.test(newOrigin)) throw new CommandFailed('--new-origin must be a name like lianban.example/dalian-2')
  if (!reason?.trim() || !key || !newDatabase || !newKey || !out)
    throw new CommandFailed('--new-origin needs --reason, --key, --new-database, --new-key and --out')
  return { newOrigin, reason, key, newDatabase, newKey, out }
}

interface OldMeans {
  readonly sql: RawSql
  readonly key: LogKey
  readonly published: SeenCheckpoint
  /** what the database has, without gaps */
  readonly kept: { readonly size: number; readonly root: Buffer }
  readonly found: FoundEntries
}

/**
 * Ends the old log in a folder, and begins the new one in a database of its own.
 *
 * @returns what the operator does next
 */
export async function startNewOrigin(asked: NewOriginAsked, { sql, key, published, kept, found }: OldMeans): Promise<string> {
  const { newOrigin, reason, newDatabase, newKey, out } = asked
  const { absent, unproven } = found.missing()
  const lost = [...absent, ...unproven].sort((a, b) => a.from - b.from)
  const old = { origin: key.origin, published, kept, lost }
  const { keys, rules } = (await RulesKeeper.load(sql)).inForce
  const operatorKey = await readSigningKey(asked.key)
  const party = keys.find(operatorKey.kid)?.party
  const isTheirs = keys.find(operatorKey.kid)?.thumbprint === operatorKey.publicKey.thumbprint
  if (party === undefined || !isTheirs || rules.parties.get(party)?.role !== 'operator')
    throw new CommandFailed('--key must be an operator’s private key that is in force in the old log')
  if (newOrigin === key.origin) throw new CommandFailed('--new-origin must be another name than that of the old log')
  const database = connect(newDatabase, { name: 'lianban command', maxConnections: 3 })
  try {
    await pingDatabase(database)
    await migrateLog(newDatabase)
    if (await isBegun(database.raw))
      throw new CommandFailed('--new-database has a log already: make an empty database for the new one')
    const newLogKey = await loadOrMakeLogKey(newKey, newOrigin)
    await writeOldLog(sql, key, old, found, out)
    const vouchers = await writeVouchers(keys, operatorKey, newOrigin, out)
    await beginNewOrigin(database.raw, { key: newLogKey, rules, operator: { party, key: operatorKey }, reason, old })
    return nextText(asked, newLogKey.vkey, vouchers)
  } finally {
    await database.close()
  }
}

function nextText({ newOrigin, newKey, out }: NewOriginAsked, vkey: string, vouchers: number): string {
  return `${newOrigin} has begun; its third entry names the old log, its root and what is lost
  its public key, for bureaus and auditors: ${vkey}
  ${out}/old-log: the old log, an export that \`audit verify\` judges; ${out}/recovered and lost.json: what lies behind its first gap
  ${out}/vouchers: for ${vouchers} keys, good for 7 days; each holder runs \`keys register --voucher-text\`
  ${out}/resend: each bureau's events of the old log; none of them is in the new one
Start the exchange with LOG_ORIGIN=${newOrigin}, LOG_KEY_FILE=${newKey}, the new DATABASE_URL, a new DATA_DIR and, with Kafka, a new KAFKA_PREFIX.
`
}
