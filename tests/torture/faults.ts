import type { TorturedExchange } from './exchange.ts'
import type { Fault } from './schedule.ts'

/** A fault as it happened. */
export interface Inflicted extends Fault {
  readonly from: number
  readonly until: number
  /** false when there was nobody to hurt at that moment */
  readonly met: boolean
}

/** Does it, and returns when it is over. */
export async function inflict(fault: Fault, { processes }: TorturedExchange): Promise<Inflicted> {
  const from = performance.now()
  const target = processes.get(fault.target)
  const met = (await target?.end('SIGKILL')) !== undefined
  return { ...fault, from, until: performance.now(), met }
}
