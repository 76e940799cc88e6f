import { once } from 'node:events'
import { createServer } from 'node:http'
import type { TestProject } from 'vitest/node'
import { type RunningKafka, startKafka } from './kafka-process.ts'

/** One Kafka for the whole run, started when the first test file asks for it, stopped when the run ends. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let kafka: Promise<RunningKafka> | undefined
  const server = createServer((_, response) => {
    // asked seldom: a connection that is kept is closed at the moment when it is used again
    response.setHeader('connection', 'close')
    kafka ??= startKafka()
    kafka.then(
      ({ brokers }) => response.end(brokers),
      (cause: unknown) => response.writeHead(500).end(String(cause)),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address && typeof address === 'object') project.provide('kafkaStarter', `http://127.0.0.1:${address.port}/`)

  return async () => {
    server.closeAllConnections()
    server.close()
    await kafka?.then((running) => running.stop()).catch(() => undefined) // what did not start needs no stop
  }
}
