import { parentPort, workerData } from 'node:worker_threads'
import type { Answer, CrewData, Message } from './crew.ts'
import { Judge } from './judge.ts'
import { lookAgain } from './second-look.ts'

const { origin, spread }: CrewData = workerData
const judge = new Judge(origin, spread)
let last: Promise<void> = Promise.resolve()

parentPort?.on('message', (message: Message) => {
  // one after another: each is judged by what was told before it
  last = last.then(() => take(message))
})

async function take(message: Message): Promise<void> {
  if (message.ask === 'tell') {
    for (const change of message.changes) await judge.apply(change)
    return
  }
  const answer = await answerTo(message)
  parentPort?.postMessage(answer, 'verdict' in answer ? [answer.verdict.leaves.buffer, answer.verdict.traces.bytes.buffer] : [])
}

async function answerTo(message: Exclude<Message, { ask: 'tell' }>): Promise<Answer> {
  const { id } = message
  try {
    if (message.ask === 'judge') return { id, verdict: await judge.judge(message.job) }
    return { id, look: await lookAgain(message.job) }
  } catch (error) {
    return { id, failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}
