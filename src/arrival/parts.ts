import type { SignatureVerifier } from '../identity/jws.ts'
import type { Appendable, Appended } from '../log/appendable.ts'
import type { LogReader } from '../log/read.ts'
import type { RulesKeeper } from '../log/rules-in-force.ts'
import type { Logger } from '../logger.ts'
import type { Metrics } from '../metrics.ts'
import type { BusStatus } from '../operations/bus-status.ts'
import type { Ledger } from '../operations/ledger.ts'
import type { OperationQueries } from '../operations/queries.ts'
import type { AskedView } from '../view/view.ts'
import type { FairTurns } from './fair-turns.ts'
import type { Readiness } from './readiness.ts'

/** What HTTP needs of the rest of the house; compose.ts puts it together. */
export interface Parts {
  readonly origin: string
  readonly vkey: string
  readonly keeper: RulesKeeper
  /** brings the rules up to date when a key is not known here; bounded in rate */
  refreshRules(): Promise<void>
  /** events are checked and appended in them, by party */
  readonly turns: FairTurns
  /** verifies a signature off the event loop */
  readonly verifyElsewhere: SignatureVerifier
  /** parties whose latest signature fitted */
  readonly fitting: Set<string>
  append(item: Appendable): Promise<Appended>
  readonly log: LogReader
  /** undefined: the catalogue has no such bureau */
  view(bureau: string): AskedView | undefined
  /** digests of tokens whose reading is known to be on record */
  readonly readings: Set<string>
  /** carries out what operators ask for */
  readonly ledger: Ledger
  readonly operations: OperationQueries
  /** how far the bus has brought what the log holds */
  busStatus(): Promise<BusStatus>
  readonly metrics: Metrics
  /** brings the gauges up to date that are read from the database */
  collect(): Promise<void>
  readonly logger: Logger
  /** whether events can be accepted now, and how each consumer is doing */
  readiness(): Promise<Readiness>
  now(): Date
}
