import { type Chance, chance } from '../support/chance.ts'

/** Who is hurt: every process of the exchange, by role. */
export const roles = {
  gateway: ['gateway-1', 'gateway-2'],
  publisher: ['publisher'],
  consumer: ['consumer-commerce', 'consumer-state-tax', 'consumer-local-tax'],
  broker: ['broker'],
  postgres: ['postgres'],
} as const

export type Role = keyof typeof roles
export type Target = (typeof roles)[Role][number]

/**
 * `kill`: -9. `freeze`: SIGSTOP, later SIGCONT. `restart`: SIGTERM. `fill`: its disk is full. `silence`: it accepts and never
 * answers. `clock`: its clock jumps, later back.
 */
export type FaultKind = 'kill' | 'freeze' | 'restart' | 'fill' | 'silence' | 'clock'

export interface Fault {
  /** since the load began */
  readonly atMs: number
  readonly kind: FaultKind
  readonly role: Role
  readonly target: Target
  /** how long it lasts; 0 for what happens at once */
  readonly forMs: number
  /** of `clock`: how far it jumps */
  readonly aheadMs: number
}

const every = ['gateway', 'publisher', 'consumer', 'broker', 'postgres'] as const

/** What may happen to whom, how often beside the others, and for how long. */
const kinds: readonly Possible[] = [
  { kind: 'kill', weight: 60, to: every, longestMs: 0 },
  { kind: 'freeze', weight: 12, to: every, longestMs: 60_000 },
  { kind: 'restart', weight: 12, to: every, longestMs: 0 },
  { kind: 'fill', weight: 8, to: every, longestMs: 30_000 },
  { kind: 'silence', weight: 6, to: ['broker'], longestMs: 60_000 },
  { kind: 'clock', weight: 6, to: ['gateway', 'publisher', 'consumer'], longestMs: 60_000 },
]

const [second, hour] = [1000, 3_600_000]
/** The exchange takes events of up to 5 minutes ahead and 7 days ago: within that, and beyond. */
const jumpsMs = [-100 * second, 100 * second, -hour, hour, -36 * hour, 36 * hour, 200 * hour] as const

interface Possible {
  readonly kind: FaultKind
  readonly weight: number
  readonly to: readonly [Role, ...Role[]]
  readonly longestMs: number
}

const firstAtMs = 3_000
const shortestMs = 200
const meanGapMs = 4_000
/** until it may be hurt again: about as long as it takes to be back, so that most faults meet a living process */
const restMs: Readonly<Record<Role, number>> = {
  gateway: 4_000,
  publisher: 4_000,
  consumer: 4_000,
  broker: 15_000,
  postgres: 10_000,
}

/** The faults of a run: the same for the same seed. A shorter run has those of a longer one that are over in its time. */
export function faultsOf(seed: number, minutes: number): readonly Fault[] {
  const random = chance(seed)
  const freeAtMs = new Map<Target, number>()
  const faults: Fault[] = []
  for (let atMs = firstAtMs; atMs < minutes * 60_000; atMs += gapMs(random)) {
    const fault = draw(random, atMs)
    if ((freeAtMs.get(fault.target) ?? 0) > atMs) continue
    freeAtMs.set(fault.target, atMs + fault.forMs + restMs[fault.role])
    faults.push(fault)
  }
  return faults.filter(({ atMs, forMs }) => atMs + forMs < minutes * 60_000)
}

function draw(random: Chance, atMs: number): Fault {
  const { kind, to, longestMs } = weighted(random)
  const role = random.one(to)
  const target = random.one<Target>(roles[role])
  const aheadMs = kind === 'clock' ? random.one(jumpsMs) : 0
  return { atMs, kind, role, target, forMs: lastingMs(random, longestMs), aheadMs }
}

/** Mostly short, so that what comes after a fault is tried as often as the fault. */
function lastingMs(random: Chance, longestMs: number): number {
  return longestMs === 0 ? 0 : Math.round(shortestMs + (longestMs - shortestMs) * (random.below(1000) / 999) ** 3)
}

function weighted(random: Chance): Possible {
  let left = random.below(kinds.reduce((sum, { weight }) => sum + weight, 0))
  const found = kinds.find(({ weight }) => {
    left -= weight
    return left < 0
  })
  if (found === undefined) throw new Error('a weight is missing')
  return found
}

/** Exponential, as between events that don't know of each other; whole milliseconds. */
function gapMs(random: Chance): number {
  return 1 + Math.round(-Math.log(1 - random.below(10_000) / 10_000) * meanGapMs)
}
