import type { Consumption } from '../bus/bus.ts'
import type { RawSql } from '../database/connect.ts'
import type { WitnessHealth } from '../witness/witnessing.ts'

const timeoutMs = 2000

/** Whether events can be accepted now, and how each consumer is doing. */
export interface Readiness {
  readonly ready: boolean
  /** why not, for people */
  readonly reason?: string
  readonly bus: string
  readonly publisher: string
  readonly consumers: Readonly<Record<string, string>>
  /** undefined: nobody cosigns the log */
  readonly witnesses?: WitnessHealth
}

/** What works for the bus in this process. */
export interface BusParts {
  readonly bus: string
  /** undefined: another process publishes */
  readonly publisher: Consumption | undefined
  /** by bureau */
  readonly consumers: ReadonlyMap<string, Consumption>
}

/**
 * Asks the database alone: what the broker does has no part in whether events can be accepted.
 *
 * @param witnessing undefined: nobody cosigns the log
 */
export async function readinessOf(
  sql: RawSql,
  { bus, publisher, consumers }: BusParts,
  witnessing?: { health(): Promise<WitnessHealth> },
): Promise<Readiness> {
  const states = {
    bus,
    publisher: publisher?.state() ?? 'elsewhere',
    consumers: Object.fromEntries([...consumers].map(([bureau, consumption]) => [bureau, consumption.state()])),
  }
  const timeout = new Promise<{ reason: string }>((resolve) =>
    setTimeout(resolve, timeoutMs, { reason: 'the database does not answer' }).unref(),
  )
  const answered = Promise.all([witnessing?.health(), sql`select 1`]).then(
    ([witnesses]) => ({ witnesses }),
    (error: unknown) => ({ reason: `the database failed: ${error instanceof Error ? error.message : String(error)}` }),
  )
  const answer = await Promise.race([answered, timeout])
  if ('reason' in answer) return { ready: false, reason: answer.reason, ...states }
  const { witnesses } = answer
  if (witnesses === undefined) return { ready: true, ...states }
  const { accepting, warning } = witnesses
  return { ready: accepting, ...(accepting || warning === undefined ? {} : { reason: warning }), ...states, witnesses }
}
