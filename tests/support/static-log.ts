import { readFile, stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join, normalize } from 'node:path'

export interface StaticLog {
  readonly url: string
  /** paths that were asked for, in order */
  readonly asked: readonly string[]
  /** serves another folder from now on, as a server with two faces does */
  serve(folder: string): void
  /** answers before the files do; undefined leaves it to them */
  intercept(answer: ((path: string, request: IncomingMessage) => Answer | undefined) | undefined): void
  stop(): Promise<void>
}

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  /** ends the connection after this many bytes of the body */
  readonly cutAfter?: number
}

/** Serves a folder over HTTP on a free port: what an object store, or a dishonest exchange, does. */
export async function serveStatic(folder: string): Promise<StaticLog> {
  let served = folder
  let intercept: ((path: string, request: IncomingMessage) => Answer | undefined) | undefined
  const asked: string[] = []
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://localhost').pathname)
    asked.push(path)
    const answer = intercept?.(request.url ?? '/', request)
    if (answer !== undefined) return reply(response, answer)
    const file = join(served, path)
    const found = await stat(file).catch(() => undefined)
    if (!found?.isFile()) return reply(response, { status: 404 })
    return reply(response, { status: 200, body: await readFile(file) })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    asked,
    serve: (next) => {
      served = next
    },
    intercept: (next) => {
      intercept = next
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function reply(response: ServerResponse, { status, headers = {}, body = '', cutAfter }: Answer): void {
  if (cutAfter === undefined) {
    response.writeHead(status, headers).end(body)
    return
  }
  response.writeHead(status, { ...headers, 'content-length': String(Buffer.byteLength(body)) })
  response.write(Buffer.from(body).subarray(0, cutAfter), () => response.destroy())
}
