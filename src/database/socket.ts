import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { inTime } from './in-time.ts'
import { Startup } from './startup.ts'

/** What postgres.js says of its server. */
export interface Target {
  readonly host: readonly string[]
  readonly port: readonly number[]
  /** of a Unix socket */
  readonly path?: string | false | undefined
}

/** Makes a connection to this host a TLS one. */
export type Secure = (socket: Socket, host: string) => Promise<Socket>

/**
 * More than a batch of the log writes: below it postgres.js holds back the statements behind a long one until the socket is drained,
 * which ends the pipelining. (A TLS socket, made over this one, has Node's own mark.)
 */
const roomy = { writableHighWaterMark: 4 * 1024 * 1024 }

/** A host that does not answer is passed over for the next one after this. */
const perHostMs = 5_000

/**
 * Opens the TCP connection for a postgres.js client, without Nagle's algorithm: with it, the second of two small writes
 * waits for the server's delayed acknowledgement, up to 40 ms in every round trip. postgres.js 3.4.9 has no setting.
 *
 * Never throws: postgres.js leaves a connection whose socket can't be made in its pool as one that is being opened, so a pool
 * that had as many failures as connections would wait for ever. A socket that breaks with the last host's error is opened anew.
 */
export async function openSocket({ host, port, path }: Target, secure?: Secure): Promise<Socket> {
  if (typeof path === 'string') return opened(connect({ path, ...roomy })).then(prepared, broken)
  let failure: unknown
  for (const [i, name] of host.entries()) {
    try {
      const at = { host: name, port: port[i] ?? 5432 }
      const socket = await opened(connect({ ...at, noDelay: true, ...roomy }))
      // postgres.js names them where it loses the connection
      return Object.assign(prepared(secure === undefined ? socket : await secure(socket, name)), at)
    } catch (error) {
      failure = error
    }
  }
  return broken(failure)
}

/**
 * A socket that breaks by this failure once postgres.js has written its first bytes: broken before, it would believe for ever that
 * they are still to be written. It writes in the next round of the event loop, so this breaks in the one after.
 */
function broken(failure: unknown): Socket {
  const error = failure instanceof Error ? failure : new Error(String(failure))
  return connect({
    host: 'broken',
    port: 1,
    lookup: (_host, _options, done) => setImmediate(() => setImmediate(done, error, '')),
  })
}

const prepared = (socket: Socket): Socket => gathering(failingUntilReady(closingQuietly(socket)))

/**
 * Writes all that is sent in one turn of the event loop at once: each write wakes the server's process, and postgres.js writes every
 * statement of a kilobyte by itself.
 */
function gathering(socket: Socket): Socket {
  const { write } = socket
  socket.write = (...given: unknown[]) => {
    if (socket.writableCorked === 0) {
      socket.cork()
      process.nextTick(() => socket.uncork())
    }
    return Reflect.apply(write, socket, given)
  }
  return socket
}

/**
 * Breaks when the server closes it before it has let us in, as a proxy without a server behind it does, or what is no Postgres at
 * all: postgres.js would connect again at once, as often as it can, and tell nobody who waits.
 */
function failingUntilReady(socket: Socket): Socket {
  const startup = new Startup()
  const look = (chunk: Buffer) => {
    startup.read(chunk)
    if (startup.isOver) socket.off('data', look)
  }
  socket.on('data', look)
  socket.once('close', (hadError) => {
    if (!hadError && !startup.isOver && socket.listenerCount('error') > 0)
      socket.emit('error', Object.assign(new Error(startup.fault), { code: 'ECONNRESET' }))
  })
  return socket
}

/**
 * Closes without an error event before: between the two postgres.js would give the connection more to send, and never say that it was
 * lost. Told only of the close, it fails whatever has no answer.
 */
function closingQuietly(socket: Socket): Socket {
  const { destroy } = socket
  socket.destroy = () => destroy.call(socket)
  return socket
}

async function opened(socket: Socket): Promise<Socket> {
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(perHostMs) })
    return socket
  } catch (error) {
    socket.destroy()
    throw inTime(error, perHostMs, 'connection')
  }
}
