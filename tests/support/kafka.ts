import { execFileSync } from 'node:child_process'
import { describe, inject } from 'vitest'
import { type RunningKafka, startKafka } from './kafka-process.ts'

export { type RunningKafka, startKafka } from './kafka-process.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** where the run's one Kafka is asked for; see global-kafka.ts */
    kafkaStarter: string
  }
}

let own: Promise<RunningKafka> | undefined

/**
 * Brokers that every test file may use beside others (with topic prefixes of its own): `KAFKA_BROKERS`, or the one Kafka
 * that the vitest run starts when first asked; undefined when this machine can't run one.
 */
export async function sharedKafka(): Promise<string | undefined> {
  if (process.env.KAFKA_BROKERS) return process.env.KAFKA_BROKERS
  if (!canRunKafka()) return undefined

  const starter = inject('kafkaStarter')
  if (starter) {
    const response = await fetch(starter)
    const text = await response.text()
    if (!response.ok) throw new Error(`the run's Kafka did not start: ${text}`)
    return text
  }
  own ??= startKafka()
  return (await own).brokers
}

/** Registers the suite where Kafka can run, and must with `REQUIRE_KAFKA=1`; elsewhere says so in one line. */
export function describeWithKafka(name: string, suite: () => void): void {
  if (canRunKafka()) describe(name, suite)
  else {
    describe(name, () => undefined)
    console.log(`${name}: not run, there is no Java and Maven (REQUIRE_KAFKA=1 makes this a failure)`)
  }
}

function canRunKafka(): boolean {
  if (process.env.REQUIRE_KAFKA === '1' || process.env.KAFKA_BROKERS) return true
  try {
    execFileSync('java', ['-version'], { stdio: 'ignore' })
    execFileSync('mvn', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false // neither is a fault: whoever needs Kafka says REQUIRE_KAFKA=1
  }
}
