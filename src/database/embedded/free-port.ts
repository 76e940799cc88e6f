import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'

/** The port of last time if it is free, so that a DATABASE_URL handed to other processes stays good. */
export async function freePort(folder: string): Promise<number> {
  const last = Number(await readFile(path.join(folder, 'port'), 'utf8').catch(() => '0'))
  return (last > 0 ? await listenOnce(last) : undefined) ?? (await listenOnce(0)) ?? 0
}

async function listenOnce(port: number): Promise<number | undefined> {
  const server = createServer()
  try {
    server.listen({ port, host: '127.0.0.1', exclusive: true })
    await once(server, 'listening')
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : undefined
  } catch {
    // in use
    return undefined
  } finally {
    server.close()
  }
}
