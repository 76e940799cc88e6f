import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below those that systems give to outgoing connections: one of these could take a port while its server is down. */
const [lowest, above] = [20_000, 30_000]

/** A port of 127.0.0.1 on which nobody listens, for a server that is killed and comes back on the same one. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(lowest, above)
    const server = createServer()
    try {
      server.listen({ port, host: '127.0.0.1', exclusive: true })
      await once(server, 'listening')
      return port
    } catch {
      // in use: another one
    } finally {
      server.close()
    }
  }
}
