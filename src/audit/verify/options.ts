import type { CheckpointRules } from '../trusted-checkpoint.ts'
import type { EntriesAsked } from './part.ts'

/** What an auditor asks of a verification. */
export interface VerifyOptions extends CheckpointRules {
  readonly vkey: string
  /** thumbprint of the first operator's key */
  readonly operator?: string
  readonly stateFile?: string
  /** entries to check, for a copy that holds no others; tiles, root and checkpoint are always checked whole */
  readonly entries?: EntriesAsked
  /** 0 judges on the calling thread; default: one per core */
  readonly workers?: number
  /** called with entries done, now and then */
  readonly onProgress?: (entries: number, size: number, resumedFrom: number) => void
  readonly signal?: AbortSignal
}
