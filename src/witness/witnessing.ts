import { Leases } from '../bus/leases.ts'
import { Wake } from '../bus/wake.ts'
import type { RawSql } from '../database/connect.ts'
import type { Text } from '../domain/text.ts'
import type { Appendable } from '../log/appendable.ts'
import { LogBusy } from '../log/group-commit.ts'
import type { NoteVerifier } from '../log/note.ts'
import { readHashes } from '../log/tile-store.ts'
import type { Logger } from '../logger.ts'
import type { Metrics } from '../metrics.ts'
import { forgetPublished, type Published, PublishedCheckpoint } from './published.ts'
import { Rounds } from './rounds.ts'
import type { WitnessSettings } from './settings.ts'
import { WitnessClient } from './witness-client.ts'

/** What the body of `/health/ready` says of witnesses. */
export interface WitnessHealth {
  /** entries that the quorum stands by; 0 while there are none */
  readonly cosignedSize: number
  readonly lagSeconds: number
  /** false: they are required, and away */
  readonly accepting: boolean
  /** for people */
  readonly warning?: string
}

export interface Witnessing {
  /** what `/log/checkpoint` serves */
  published(): Promise<Published>
  health(): Promise<WitnessHealth>
  /** @throws {LogBusy} when the witnesses are required and have been away for too long */
  admit(item: Appendable): Promise<void>
  readGauges(): Promise<void>
  close(): Promise<void>
}

export interface WitnessMeans {
  readonly sql: RawSql
  readonly log: NoteVerifier
  readonly metrics: Metrics
  readonly logger: Logger
}

/** So many events may ask at once: the state is read this often at most. */
const admitMs = 500

/** Begins to ask the witnesses, in the background. @returns undefined where none are named */
export async function startWitnessing(
  settings: WitnessSettings | undefined,
  means: WitnessMeans,
): Promise<Witnessing | undefined> {
  if (settings !== undefined) return witnessing(settings, means)
  await forgetPublished(means.sql)
  return undefined
}

async function witnessing(
  { witnesses, quorum, maxLagSeconds, required }: WitnessSettings,
  { sql, log, metrics, logger }: WitnessMeans,
): Promise<Witnessing> {
  const published = new PublishedCheckpoint(sql, { log, witnesses: witnesses.map(({ witness }) => witness), quorum })
  // before anything is served, so that its size never falls
  await published.read()
  const tile = (level: number, n: number, width: number) => readHashes(sql, level, n, width)
  const leases = new Leases(sql, logger)
  const wake = new Wake(sql, logger)
  const size = async () => (await sql<{ size: number }[]>`select size from log.head where id = 1`)[0]?.size ?? 0
  const clients = witnesses.map((address) => new WitnessClient(address, { log, tile, size }))
  const onAnswer = (witness: string, outcome: string) => metrics.witnessAnswers.inc({ witness, outcome })
  const rounds = new Rounds({ sql, leases, wake, published, clients, quorum, logger, onAnswer })
  const isLate = ({ lagSeconds }: Published) => lagSeconds > maxLagSeconds
  let known: { at: number; late: Promise<boolean> } | undefined
  const lateNow = () => {
    if (known === undefined || performance.now() - known.at > admitMs)
      known = { at: performance.now(), late: published.read().then(isLate) }
    return known.late
  }
  return {
    published: () => published.read(),
    async health() {
      const now = await published.read()
      const facts = { cosignedSize: now.cosigned ? now.size : 0, lagSeconds: Math.round(now.lagSeconds) }
      if (!isLate(now)) return { ...facts, accepting: true }
      return { ...facts, accepting: !required, warning: warningOf(now, maxLagSeconds, required) }
    },
    async admit({ kind }) {
      // keys must be revocable and auditors must be able to read, whatever the witnesses do
      if (required && kind === 'event' && (await lateNow())) throw new LogBusy('overloaded', withoutWitnesses)
    },
    async readGauges() {
      const { cosigned, size, lagSeconds } = await published.read()
      metrics.witnessSize.set(cosigned ? size : 0)
      metrics.witnessLag.set(lagSeconds)
    },
    async close() {
      await rounds.close()
      wake.close()
      await leases.close()
    },
  }
}

function warningOf({ lagSeconds }: Published, maxLagSeconds: number, required: boolean): string {
  const since = `fewer witnesses than the quorum have cosigned for ${Math.round(lagSeconds)} s (bound: ${maxLagSeconds} s)`
  return required ? `${since}: no events are accepted until they do` : since
}

const withoutWitnesses: Text = {
  en: 'too few witnesses of the log answer, and this exchange accepts nothing without them; send the same event again later',
  zh: '日志的见证方应答不足，本平台此时不接收事件；请稍后重发同一事件',
}
