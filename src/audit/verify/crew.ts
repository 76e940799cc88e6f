import { Worker } from 'node:worker_threads'
import type { RulesChange } from './change.ts'
import { Judge, type JudgeJob } from './judge.ts'
import { lookAgain, type SecondLook, type SecondLookJob } from './second-look.ts'
import type { Spread } from './trace.ts'
import type { Verdict } from './verdict.ts'

/**
 * Who judges bundles. Jobs are taken in order; a job handed over later may be answered earlier. What was told by `tell`
 * counts for every job handed over after it.
 */
export interface Crew {
  /** jobs that keep everybody busy */
  readonly depth: number
  /** @param options.afterJob the job that was handed over last has brought these changes itself */
  tell(changes: readonly RulesChange[], options?: { readonly afterJob: boolean }): void
  /** @param job its bundle may be gone when this returns */
  judge(job: JudgeJob): Promise<Verdict>
  lookAgain(job: SecondLookJob): Promise<SecondLook>
  close(): Promise<void>
}

export interface CrewData {
  readonly origin: string
  readonly spread: Spread
}

export type Message =
  | { readonly ask: 'tell'; readonly changes: readonly RulesChange[] }
  | { readonly ask: 'judge'; readonly id: number; readonly job: JudgeJob }
  | { readonly ask: 'look-again'; readonly id: number; readonly job: SecondLookJob }

export type Answer =
  | { readonly id: number; readonly verdict: Verdict }
  | { readonly id: number; readonly look: SecondLook }
  | { readonly id: number; readonly failed: string }

/** One judge on the calling thread: for a short log, threads cost more than they bring. */
export function crewHere({ origin, spread }: CrewData): Crew {
  const judge = new Judge(origin, spread)
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work)
    last = result.catch(() => undefined)
    return result
  }
  return {
    depth: 1,
    tell(changes, { afterJob } = { afterJob: false }) {
      // the job has brought them itself
      if (!afterJob) for (const change of changes) inTurn(() => judge.apply(change)).catch(() => undefined)
    },
    judge: (job) => inTurn(() => judge.judge(job)),
    lookAgain,
    close: () => Promise.resolve(),
  }
}

/** Beyond this a thread is ended, and the verification with it: far above what judging a full bundle of the longest entries takes. */
const maxHeapMb = 256

/** As many judges as threads. */
export function crewOfThreads(threads: number, data: CrewData): Crew {
  const workers = Array.from({ length: threads }, () => new Member(data))
  let lastJudge: Member | undefined
  const idlest = () => workers.reduce((a, b) => (b.waiting < a.waiting ? b : a))
  return {
    depth: threads * 3,
    tell(changes, { afterJob } = { afterJob: false }) {
      for (const worker of workers) if (!afterJob || worker !== lastJudge) worker.tell(changes)
    },
    judge(job) {
      lastJudge = idlest()
      return lastJudge.judge(job)
    },
    lookAgain: (job) => idlest().lookAgain(job),
    async close() {
      await Promise.all(workers.map((worker) => worker.close()))
    },
  }
}

interface Waiting {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
}

class Member {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 0
  #ended: Error | undefined

  constructor(data: CrewData) {
    const resourceLimits = { maxOldGenerationSizeMb: maxHeapMb, maxYoungGenerationSizeMb: 24 }
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: data, resourceLimits })
    this.#worker.on('message', (answer: Answer) => {
      const waiting = this.#waiting.get(answer.id)
      this.#waiting.delete(answer.id)
      if ('failed' in answer) waiting?.reject(new Error(answer.failed))
      else waiting?.resolve(answer)
    })
    this.#worker.on('error', (error) => this.#end(error))
    this.#worker.on('exit', () => this.#end(new Error('a thread of the verification has ended')))
  }

  get waiting(): number {
    return this.#waiting.size
  }

  tell(changes: readonly RulesChange[]): void {
    this.#worker.postMessage({ ask: 'tell', changes } satisfies Message)
  }

  async judge(job: JudgeJob): Promise<Verdict> {
    const answer = await this.#ask((id) => ({ ask: 'judge', id, job }), ownBuffer(job.bundle))
    if (!('verdict' in answer)) throw new Error('a thread has answered something else')
    return answer.verdict
  }

  async lookAgain(job: SecondLookJob): Promise<SecondLook> {
    const answer = await this.#ask((id) => ({ ask: 'look-again', id, job }))
    if (!('look' in answer)) throw new Error('a thread has answered something else')
    return answer.look
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  /** @param handed what belongs to the thread from then on */
  #ask(messageOf: (id: number) => Message, handed: readonly ArrayBuffer[] = []): Promise<Answer> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#worker.postMessage(messageOf(id), [...handed])
    })
  }

  #end(error: Error): void {
    this.#ended ??= error
    for (const { reject } of this.#waiting.values()) reject(this.#ended)
    this.#waiting.clear()
  }
}

/** The memory of bytes that nothing else lies in: a large file read at once has its own, small ones share. */
function ownBuffer({ buffer, byteLength }: Uint8Array): readonly ArrayBuffer[] {
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : []
}
