/** Where the bus says what it does; pino's shape. No message holds an entry or a subject. */
export interface BusLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** What the bus counts; each is optional because most callers count only some. */
export interface BusMetrics {
  /** events acknowledged by the broker; a repeated one counts again */
  published?(topic: string, events: number): void
  /** heartbeats acknowledged by the broker */
  heartbeats?(messages: number): void
  /** events that a topic did not bring to a view, and that were read from the log instead */
  readFromLog?(bureau: string, events: number): void
  /** messages of a topic that the log doesn't hold, or holds differently: somebody else writes there */
  distrusted?(bureau: string, messages: number): void
  /** a Kafka consumer was thrown away and built anew */
  rebuilt?(bureau: string, why: RebuildReason): void
}

export type RebuildReason = 'crashed' | 'stalled' | 'topics-changed'
