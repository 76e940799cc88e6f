import { assertNever } from '../../src/domain/text.ts'
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
export async function inflict(fault: Fault, exchange: TorturedExchange): Promise<Inflicted> {
  const from = performance.now()
  const met = await happens(fault, exchange)
  return { ...fault, from, until: performance.now(), met }
}

async function happens({ kind, target: name, forMs }: Fault, { of, brokerProxy }: TorturedExchange): Promise<boolean> {
  const target = of(name)
  switch (kind) {
    case 'kill':
      return (await target.end('SIGKILL')) !== undefined
    case 'restart':
      return (await target.end('SIGTERM')) !== undefined
    case 'freeze':
      return target.freeze(forMs)
    case 'silence':
      await brokerProxy.silence(forMs)
      return true
    default:
      return assertNever(kind)
  }
}
