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

async function happens(
  { kind, target, forMs, aheadMs }: Fault,
  { processes, places, brokerProxy }: TorturedExchange,
): Promise<boolean> {
  const process = processes.get(target)
  if (process === undefined) throw new Error(`there is no ${target}`)
  switch (kind) {
    case 'kill':
      return (await process.end('SIGKILL')) !== undefined
    case 'restart':
      return (await process.end('SIGTERM')) !== undefined
    case 'freeze':
      return process.freeze(forMs)
    case 'fill':
      await places.disk(target).fill(forMs)
      return true
    case 'silence':
      await brokerProxy.silence(forMs)
      return true
    case 'clock':
      await places.jump(target, aheadMs, forMs)
      return true
    default:
      return assertNever(kind)
  }
}
