import type { Witness } from '../log/cosignature.ts'

/** A witness and where it listens. */
export interface WitnessAddress {
  readonly url: string
  readonly witness: Witness
}

/** Settings of an exchange that has witnesses. */
export interface WitnessSettings {
  readonly witnesses: readonly WitnessAddress[]
  /** how many of them must cosign a checkpoint before it is published */
  readonly quorum: number
  /** how long an entry may be in the log without the witnesses' word before that is a fault */
  readonly maxLagSeconds: number
  /** whether the exchange stops accepting events then */
  readonly required: boolean
}
