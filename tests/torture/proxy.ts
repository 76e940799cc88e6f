import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** Stands between clients and a server, and can fall silent: it goes on accepting, and passes nothing on in either direction. */
export interface BrokerProxy {
  /** Says nothing for some time, on new connections too; what was sent meanwhile arrives afterwards. */
  silence(forMs: number): Promise<void>
  close(): void
}

/** @param port where it listens on 127.0.0.1, for the server on `serverPort` */
export async function startProxy(port: number, serverPort: number): Promise<BrokerProxy> {
  const pairs = new Set<readonly [Socket, Socket]>()
  let isSilent = false

  const server = createServer({ noDelay: true }, (client) => {
    const pair = [client, connect({ port: serverPort, host: '127.0.0.1', noDelay: true })] as const
    pairs.add(pair)
    for (const [from, to] of [pair, [pair[1], pair[0]]] as const) {
      from.on('data', (chunk) => to.write(chunk) || from.pause())
      to.on('drain', () => isSilent || from.resume())
      // also after an error, which is the other side's to see
      from.on('error', () => undefined).on('close', () => to.destroy())
    }
    client.once('close', () => pairs.delete(pair))
    if (isSilent) for (const socket of pair) socket.pause()
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    async silence(forMs) {
      isSilent = true
      for (const socket of [...pairs].flat()) socket.pause()
      await pause(forMs)
      isSilent = false
      for (const socket of [...pairs].flat()) socket.resume()
    },
    close() {
      server.close()
      for (const socket of [...pairs].flat()) socket.destroy()
    },
  }
}
