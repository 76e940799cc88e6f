import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { expect } from 'vitest'
import { type Answered, type Bureaus, indexOf } from './e2e-bureaus.ts'
import type { Views } from './e2e-views.ts'
import type { Example } from './examples.ts'
import { exampleOf, madeUpUscc } from './gateway.ts'

export interface Load {
  /** events that were answered with an index so far */
  accepted(): number
  /** Lets each sender finish what it has posted. @throws what a sender met that it must never meet */
  stop(): Promise<void>
  /**
   * That the log holds exactly what was acknowledged, where the answers said.
   *
   * @param refusedFor codes of the refusals that may be in it beside; default none
   */
  expectInLog(views: Views, refusedFor?: readonly string[]): Promise<void>
}

export interface LoadOptions {
  /** the gateways' addresses as they are now; asked before each try */
  readonly urls: () => readonly string[]
  readonly subjects: number
  /** of the made-up companies, where another load has posted about those before. Default 0 */
  readonly firstSubject?: number
  /** senders beside each other, each with companies of its own whose events it posts one after the other */
  readonly senders: number
  /** a sender's pause between events, so that a test of a minute makes some thousand */
  readonly pauseMs: number
  /** whether a sender that gets no answer asks another gateway, with the same bytes */
  readonly retry: boolean
  /** of an answer that is no acceptance: whether to send the same bytes again. Default never */
  readonly again?: (answer: Answered) => boolean
  /** told of each event that is accepted */
  readonly onAccepted?: (compact: string, answer: Answered) => void
  /** how long a sender goes on asking for one event. Default 60,000 */
  readonly patienceMs?: number
}

const betweenTriesMs = 20
const neverAgain = () => false

/** Bureaus that post the lives of made-up companies until they are stopped. */
export function startLoad(bureaus: Bureaus, options: LoadOptions): Load {
  const {
    urls,
    subjects,
    firstSubject = 0,
    senders,
    pauseMs,
    retry,
    again = neverAgain,
    onAccepted,
    patienceMs = 60_000,
  } = options
  const acknowledged = new Map<string, number>()
  let stopped = false
  const running = Promise.all(Array.from({ length: senders }, (_, sender) => sendUntilStopped(sender)))
  // stop() tells of it
  running.catch(() => undefined)

  async function sendUntilStopped(sender: number): Promise<void> {
    const mine = Array.from({ length: Math.ceil(subjects / senders) }, (_, i) => madeUpUscc(firstSubject + sender + i * senders))
    for (let step = 0; ; step++) {
      for (const uscc of mine) {
        if (stopped) return
        const id = randomUUID()
        const compact = await bureaus.sign(stepOf(uscc, step), id)
        const answer = await sendUntilAnswered(compact, sender + step)
        acknowledged.set(id, indexOf(answer))
        onAccepted?.(compact, answer)
        await setTimeout(pauseMs)
      }
    }
  }

  async function sendUntilAnswered(compact: string, turn: number): Promise<Answered> {
    const deadline = performance.now() + patienceMs
    for (let tried = turn; ; tried++) {
      const all = urls()
      try {
        const answer = await bureaus.send(all[tried % all.length] ?? '', compact)
        if (!again(answer) || performance.now() > deadline) return answer
      } catch (error) {
        if (!retry || performance.now() > deadline) throw error
      }
      await setTimeout(betweenTriesMs)
    }
  }

  return {
    accepted: () => acknowledged.size,
    async stop() {
      stopped = true
      await running
    },
    async expectInLog({ sql }, refusedFor = []) {
      const rows = await sql<{ id: string; index: number }[]>`
        select event_id as id, index from log.entries where kind = 'event'`
      expect(rows.length).toBe(acknowledged.size)
      expect(new Map(rows.map(({ id, index }) => [id, index]))).toEqual(acknowledged)
      const refusals = await sql<{ problem: string }[]>`select distinct problem from log.entries where kind = 'refusal'`
      expect(refusals.filter(({ problem }) => !refusedFor.includes(problem))).toEqual([])
      const [head] = await sql`
        select (select count(*) from log.entries) = size and (select max(index) + 1 from log.entries) = size as gapless from log.head`
      expect(head?.gapless).toBe(true)
    },
  }
}

/** What happens to a company first, second, and so on without end; each event but the first needs the one before. */
function stepOf(uscc: string, step: number): Example {
  if (step === 0) return about(uscc, exampleOf('registration.established.v1'))
  if (step === 1) return about(uscc, exampleOf('tax.registered.v1', 'state-tax'))
  if (step === 2) return about(uscc, exampleOf('tax.registered.v1', 'local-tax'))
  const { uscc: _, ...change } = exampleOf('registration.changed.v1').data
  const registeredCapital = String(500 + step)
  return about(uscc, { ...exampleOf('registration.changed.v1'), data: { ...change, registeredCapital } })
}

function about(uscc: string, example: Example): Example {
  const { registrationNumber: _, taxpayerId, ...rest } = example.data
  const data = { ...rest, uscc, ...(taxpayerId === undefined ? {} : { taxpayerId: uscc }) }
  return { ...example, subject: uscc, data }
}
