import type { Consumption } from '../bus/bus.ts'
import type { RawSql } from '../database/connect.ts'

const timeoutMs = 2000

/** Whether events can be accepted now, and how each consumer is doing. */
export interface Readiness {
  readonly ready: boolean
  /** why not, for people */
  readonly reason?: string
  readonly bus: string
  readonly publisher: string
  readonly consumers: Readonly<Record<string, string>>
}

/** What works for the bus in this process. */
export interface BusParts {
  readonly bus: string
  /** undefined: another process publishes */
  readonly publisher: Consumption | undefined
  /** by bureau */
  readonly consumers: ReadonlyMap<string, Consumption>
}

/** Asks the database alone: what the broker does has no part in whether events can be accepted. */
export async function readinessOf(sql: RawSql, { bus, publisher, consumers }: BusParts): Promise<Readiness> {
  const states = {
    bus,
    publisher: publisher?.state() ?? 'elsewhere',
    consumers: Object.fromEntries([...consumers].map(([bureau, consumption]) => [bureau, consumption.state()])),
  }
  const timeout = new Promise<string>((resolve) => setTimeout(resolve, timeoutMs, 'the database does not answer').unref())
  const answered = sql`select 1`.then(
    () => undefined,
    (error: unknown) => `the database failed: ${error instanceof Error ? error.message : String(error)}`,
  )
  const reason = await Promise.race([answered, timeout])
  return reason === undefined ? { ready: true, ...states } : { ready: false, reason, ...states }
}
