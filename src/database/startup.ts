/** Longer than whatever a server sends before it lets a client in. */
const maxStartupBytes = 64 * 1024

/**
 * What a server says to a new connection, up to the message that lets the client in.
 *
 * @see PostgreSQL's documentation, "Frontend/Backend Protocol", section "Start-up"
 */
export class Startup {
  isOver = false
  #answered = false
  #isPostgres = true
  #rest = Buffer.alloc(0)

  read(chunk: Buffer): void {
    if (!this.#answered) this.#isPostgres = firstMessages.has(chunk[0] ?? 0)
    this.#answered = true
    this.#rest = Buffer.concat([this.#rest, chunk])
    for (let length = lengthOf(this.#rest); length <= this.#rest.length; length = lengthOf(this.#rest)) {
      if (this.#rest[0] === readyForQuery) this.isOver = true
      this.#rest = this.#rest.subarray(length)
    }
    // whatever that is, it is not looked at any more
    if (this.#rest.length > maxStartupBytes) this.#rest = Buffer.alloc(0)
  }

  /** why a connection that was closed now can't be used */
  get fault(): string {
    if (!this.#answered) return 'the server closed the connection before it answered'
    return this.#isPostgres ? 'the server closed the connection before it let us in' : 'what answers there is no Postgres server'
  }
}

const [readyForQuery] = Buffer.from('Z')
/** AuthenticationRequest, ErrorResponse, NoticeResponse, NegotiateProtocolVersion */
const firstMessages = new Set(Buffer.from('RENv'))

/** Its type, a byte, and its length, which counts itself. */
const lengthOf = (message: Buffer) => (message.length < 5 ? 5 : 1 + Math.max(4, message.readUInt32BE(1)))
