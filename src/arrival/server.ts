import { createServer, type Server } from 'node:http'
import { Server as NetServer } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import { CannotStart } from '../domain/cannot-start.ts'
import { answerClientError, answerExpectation, noRequest, noteOwed } from './unreadable.ts'

/** What one connection may cost. */
export interface HttpLimits {
  readonly headersTimeoutMs: number
  /** for the whole request, body included */
  readonly requestTimeoutMs: number
  /** how often Node looks for connections that are over their time */
  readonly checkEveryMs: number
  /**
   * When the exchange stops, kept connections are open this long yet: a request that is on its way over one of them is
   * answered and its client told that the connection ends, instead of being cut off.
   */
  readonly lingerMs: number
  /** answers under way get this long when the exchange stops */
  readonly drainMs: number
  /** one more is closed as it comes: each costs some 20 KB */
  readonly maxConnections: number
}

const defaultLimits: HttpLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 20_000,
  checkEveryMs: 1000,
  lingerMs: 500,
  drainMs: 10_000,
  maxConnections: 4096,
}
const keepAliveTimeoutMs = 65_000
const maxHeaderBytes = 16 * 1024

export interface HttpServer {
  readonly port: number
  /** Takes no new connection, answers what is under way, and returns. */
  close(): Promise<void>
}

/** @param setting where the port stands, for whoever must mend it */
export async function listen(
  app: Hono,
  host: string,
  port: number,
  limits: HttpLimits = defaultLimits,
  setting: 'PORT' | 'METRICS_PORT' = 'PORT',
): Promise<HttpServer> {
  let closing = false
  const answer = async (request: Request) => {
    const response = await app.fetch(request)
    // a client that sends one request after another would keep its connection, and the stop, for ever
    if (closing) response.headers.set('connection', 'close')
    return response
  }
  const options = {
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: limits.checkEveryMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    maxHeaderSize: maxHeaderBytes,
    // the listener checks it, too, and answers by a problem
    requireHostHeader: false,
  }
  const listener = getRequestListener(answer, { errorHandler: noRequest })
  const server = createServer(options, (incoming, outgoing) => {
    // RFC 1945 has no Host, and old clients and the checks of some proxies send none
    if (incoming.httpVersion === '1.0') incoming.headers.host ||= 'localhost'
    noteOwed(outgoing)
    void listener(incoming, outgoing)
  })
  server.maxConnections = limits.maxConnections
  server.on('clientError', answerClientError)
  server.on('checkExpectation', answerExpectation)
  await new Promise<void>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => reject(notListening(error, host, port, setting))
    server.once('error', failed)
    server.listen(port, host, () => {
      server.off('error', failed)
      resolve()
    })
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server listens on no port')
  const close = () => {
    closing = true
    return drained(server, limits)
  }
  return { port: address.port, close }
}

function notListening(error: NodeJS.ErrnoException, host: string, port: number, setting: string): Error {
  const place = `port ${port} of ${host}`
  if (error.code === 'EADDRINUSE')
    return new CannotStart(`${place} is in use: stop what listens there, or set ${setting} to another`)
  return new CannotStart(`${place} can't be listened on (${error.code ?? error.message}): set HOST and ${setting}`, {
    cause: error,
  })
}

function drained(server: Server, { lingerMs, drainMs }: HttpLimits): Promise<void> {
  return new Promise((resolve) => {
    const linger = setTimeout(() => server.closeIdleConnections(), lingerMs)
    const force = setTimeout(() => server.closeAllConnections(), drainMs)
    // the HTTP server's own close() would cut kept connections off at once
    NetServer.prototype.close.call(server, () => {
      clearTimeout(linger)
      clearTimeout(force)
      resolve()
    })
  })
}
