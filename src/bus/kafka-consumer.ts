import type { Consumption, Subscriber } from './bus.ts'
import { type ConsumerMeans, consumeOnce } from './consumer-life.ts'
import { logWaiting } from './kafka-fault.ts'
import { GrowingPause } from './pause.ts'

/** Consumes for one bureau until stopped; a kafkajs consumer that crashes or stalls is thrown away and another one built. */
export function consumeFromKafka(means: ConsumerMeans, subscriber: Subscriber): Consumption {
  const { log, metrics } = means
  const { bureau } = subscriber
  const stopping = new AbortController()
  let state: ReturnType<Consumption['state']> = 'starting'
  const ended = consumeUntilStopped()
  return {
    state: () => state,
    async stop() {
      stopping.abort()
      await ended
    },
  }

  async function consumeUntilStopped(): Promise<void> {
    const pauses = new GrowingPause(100, 3000)
    while (!stopping.signal.aborted) {
      const { why, cause } = await consumeOnce(means, subscriber, stopping.signal, (now) => {
        if (now === 'running') pauses.reset()
        state = now
      })
      if (why === 'stopped') return
      state = 'waiting'
      metrics.rebuilt?.(bureau, why)
      logWaiting(log, { bureau, why }, cause, 'the consumer is built anew; it goes on where its view stands')
      await pauses.wait(stopping.signal)
    }
  }
}
