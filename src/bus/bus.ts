/** One event as the bus brings it to a bureau's consumer: already compared with the log. */
export interface Delivery {
  /** the kind's topic, without the broker's prefix */
  readonly topic: string
  readonly partition: number
  /** place in the log */
  readonly index: number
  /**
   * index of the message before it in its partition, -1 for the first; undefined where the bus reads the log
   * itself and can't have missed one
   */
  readonly previous: number | undefined
  /** the entry's bytes, as text */
  readonly entry: string
  /** where a broker's consumer goes on after it */
  readonly broker: { readonly topic: string; readonly nextOffset: number } | undefined
}

/**
 * How far a partition is complete: whoever has the event at `previous` and every one before it lacks nothing below `size`, even
 * when nothing happens. It carries no event.
 */
export interface Heartbeat {
  /** the kind's topic, without the broker's prefix */
  readonly topic: string
  readonly partition: number
  /** entries of the log: every event of the partition below was brought before */
  readonly size: number
  /** index of the partition's last event, -1 without one; undefined where the bus reads the log itself */
  readonly previous: number | undefined
  /** where a broker's consumer goes on after it */
  readonly broker: Delivery['broker']
}

/** How far a consumer has come in one partition, as stored in its view. */
export interface Position {
  readonly topic: string
  readonly partition: number
  /** -1: nothing yet */
  readonly index: number
  readonly broker: { readonly topic: string; readonly nextOffset: number } | undefined
}

/** What the bus needs of a view. */
export interface Subscriber {
  /** the bureau: names the consumer group */
  readonly bureau: string
  /** topics of every kind, without prefix, and their number of partitions */
  topics(): readonly { readonly topic: string; readonly partitions: number }[]
  /** the stored positions; partitions never touched are absent */
  positions(): Promise<readonly Position[]>
  /**
   * Applies a batch: deliveries of one or more partitions, in index order within each, and then the heartbeats that came among
   * them, at most one for a partition: what one shows to be missing is read from the log.
   * When it returns, records, parked events and positions are durable in one transaction; what was applied before is
   * ignored. It throws only when the machine failed (database away): the bus waits and delivers the same again.
   */
  apply(deliveries: readonly Delivery[], heartbeats?: readonly Heartbeat[]): Promise<void>
}

export interface Consumption {
  /** for /health/ready and metrics */
  state(): 'starting' | 'running' | 'waiting'
  /** Ends after the batch under way is applied; no apply() follows. */
  stop(): Promise<void>
}

/**
 * Brings every event entry of the log to every bureau.
 *
 * Contract, for both implementations:
 * - at least once, in index order within a partition; a partition is given to one apply() at a time per group
 * - a subscriber starts where its positions say, not where the broker remembers
 * - every partition gets a heartbeat at a bounded rate, also when nothing happens
 * - what a broker holds but the log doesn't (or differently) is never delivered: counted and logged instead
 * - a crash between two calls repeats deliveries, never skips one
 * - any number of processes may consume for one bureau
 * - consume() returns at once and keeps trying while the machine is away, with growing, bounded pauses
 */
export interface Bus {
  readonly name: 'embedded' | 'kafka'
  consume(subscriber: Subscriber): Consumption
  /** Publishes what the log holds until stopped; one process at a time does, the others stand by. */
  publish(): Consumption
  /** What a broker has of topics, by their name without prefix; empty where there is no broker. @throws when it does not answer */
  ends(topics: readonly string[]): Promise<ReadonlyMap<string, readonly PartitionEnds[]>>
  close(): Promise<void>
}

/** Offsets of one partition at the broker. */
export interface PartitionEnds {
  readonly partition: number
  /** the first that it still has */
  readonly low: number
  /** after the last */
  readonly high: number
}
